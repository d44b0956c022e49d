# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_control.py: the shim's control socket: what it answers, and that no client harms the plugin or its record.
docs/control-socket.md is its manual."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

from shimbox import ANSWERS, SOAK, WAITS, Skip, Wrong, alive, error_of, main, row, same, until

OBEYS = f"trap 'exit 9' INT; trap 'exit 13' TERM; {WAITS}"


@row("GetInfo says who is who")
def get_info(box):
    job = box.start(WAITS)
    got = job.call("GetInfo")["parameters"]
    helper = job.helper()
    same("the reply", {key: got[key] for key in ("id", "pluginPid", "shimPid", "phase", "stopped", "stoppedSignal")},
         {"id": job.id, "pluginPid": helper["pid"], "shimPid": helper["shimPid"], "phase": "running", "stopped": False,
          "stoppedSignal": 0})
    if abs(got["startedMs"] / 1000 - time.time()) > 600 or got["startedBoottimeMs"] <= 0:
        raise Wrong(f"these are no times: {got}")


@row("org.varlink.service describes itself and io.vmmi.Job")
def service(box):
    with box.start(WAITS).client() as client:
        got = client.call("org.varlink.service.GetInfo")["parameters"]
        same("the keys", sorted(got), ["interfaces", "product", "url", "vendor", "version"])
        same("the interfaces", got["interfaces"], ["org.varlink.service", "io.vmmi.Job"])
        for name in got["interfaces"]:
            text = client.call("org.varlink.service.GetInterfaceDescription", interface=name)["parameters"]["description"]
            if f"\ninterface {name}\n" not in text or not text.endswith(")\n"):
                raise Wrong(f"no description of {name}: {text!r}")


@row("every method and error of the description exists")
def described(box):
    with box.start(OBEYS).client() as client:
        got = client.call("org.varlink.service.GetInterfaceDescription", interface="io.vmmi.Job")
        methods = set(re.findall(r"^method (\w+)", got["parameters"]["description"], re.M))
        same("the methods", methods, {"GetInfo", "Status", "Wait", "Abort", "Release"})
        for method in methods - {"Wait", "Abort", "Release"}:
            if error_of(client.call(method)) == "MethodNotFound":
                raise Wrong(f"{method} is described, and not there")


CALLS = [
    # name, what is sent, the error, its parameters (None: not looked at), whether the connection ends
    ("unknown-method", '{"method":"io.vmmi.Job.Fly"}', "MethodNotFound", {"method": "io.vmmi.Job.Fly"}, False),
    ("escaped-name", '{"method":"io.vmmi.Job.F\\u006cy\\""}', "MethodNotFound", {"method": 'io.vmmi.Job.Fly"'}, False),
    ("unknown-service-method", '{"method":"org.varlink.service.Fly"}', "MethodNotFound", None, False),
    ("unknown-interface", '{"method":"com.example.Fly"}', "InterfaceNotFound", {"interface": "com.example"}, False),
    ("no-interface", '{"method":"Fly"}', "InterfaceNotFound", {"interface": ""}, False),
    ("empty-method", '{"method":""}', "InterfaceNotFound", {"interface": ""}, False),
    ("unknown-description", '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"a.b"}}',
     "InterfaceNotFound", {"interface": "a.b"}, False),
    ("no-description", '{"method":"org.varlink.service.GetInterfaceDescription"}', "InvalidParameter",
     {"parameter": "interface"}, False),
    ("description-of-number", '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":1}}',
     "InvalidParameter", {"parameter": "interface"}, False),
    ("unknown-parameter", '{"method":"io.vmmi.Job.GetInfo","parameters":{"x":1}}', "InvalidParameter",
     {"parameter": "x"}, False),
    ("time-0", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":0}}', "InvalidParameter",
     {"parameter": "timeoutMs"}, False),
    ("time-negative", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":-1}}', "InvalidParameter", None, False),
    ("time-text", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":"5"}}', "InvalidParameter", None, False),
    ("time-real", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":1.5}}', "InvalidParameter", None, False),
    ("time-long", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":60001}}', "InvalidParameter", None, False),
    ("time-huge", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":18446744073709551617}}',
     "InvalidParameter", None, False),
    ("no-method", "{}", "InvalidParameter", {"parameter": "method"}, True),
    ("method-number", '{"method":1}', "InvalidParameter", {"parameter": "method"}, True),
    ("parameters-array", '{"method":"io.vmmi.Job.GetInfo","parameters":[]}', "InvalidParameter",
     {"parameter": "parameters"}, True),
    ("more-number", '{"method":"io.vmmi.Job.Wait","more":1}', "InvalidParameter", {"parameter": "more"}, True),
    ("upgrade", '{"method":"io.vmmi.Job.GetInfo","upgrade":true}', "InvalidParameter", {"parameter": "upgrade"}, True),
    ("twins", '{"method":"io.vmmi.Job.GetInfo","m\\u0065thod":"io.vmmi.Job.Abort"}', "InvalidParameter",
     {"parameter": "call"}, True),
    ("twin-parameters", '{"method":"io.vmmi.Job.Status","parameters":{"timeoutMs":1,"timeoutMs":2}}',
     "InvalidParameter", {"parameter": "parameters"}, True),
    ("too-many-members", json.dumps({f"k{n}": n for n in range(17)}), "InvalidParameter", {"parameter": "call"}, True),
    ("no-object", "[]", "InvalidParameter", {"parameter": "call"}, True),
    ("no-json", "GET / HTTP/1.1", "InvalidParameter", {"parameter": "call"}, True),
    ("empty", "", "InvalidParameter", {"parameter": "call"}, True),
    ("cut", '{"method":', "InvalidParameter", {"parameter": "call"}, True),
    ("two", '{"method":"io.vmmi.Job.GetInfo"}{}', "InvalidParameter", {"parameter": "call"}, True),
    ("comma", '{"method":"io.vmmi.Job.GetInfo",}', "InvalidParameter", {"parameter": "call"}, True),
    ("latin1", b'{"method":"\xe9"}', "InvalidParameter", {"parameter": "call"}, True),
    ("deep", '{"method":"x","parameters":' + '{"a":' * 40 + "1" + "}" * 41, "InvalidParameter",
     {"parameter": "call"}, True),
    ("too-long", '{"method":"' + "x" * 5000 + '"}', "RequestTooLong", {"limit": 4096}, True),
    ("longest", '{"method":"io.vmmi.Job.' + "x" * (4096 - 1 - 25) + '"}', "MethodNotFound", None, False),
]


@row("what is no call is refused by name, and the shim goes on")
def calls(box):
    job = box.start(WAITS)
    for name, text, error, parameters, ends in CALLS:
        with job.client() as client:
            try:
                client.send((text if isinstance(text, bytes) else text.encode()) + b"\0")
            except (BrokenPipeError, ConnectionResetError):
                pass
            got = client.reply()
            same(f"{name}: the error", error_of(got), error)
            if parameters is not None:
                same(f"{name}: its parameters", got["parameters"], parameters)
            try:
                goes_on = client.call("GetInfo")
            except (BrokenPipeError, ConnectionResetError):
                goes_on = None
            same(f"{name}: whether the connection ended", goes_on is None, ends)
    same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")


@row("white space, unknown members, null parameters and a call in pieces are fine")
def tolerant(box):
    with box.start(WAITS).client() as client:
        for text in (b' \n{ "method" : "io.vmmi.Job.GetInfo" }\t', b'{"method":"io.vmmi.Job.GetInfo","x":[1,{"y":null}]}',
                     b'{"parameters":null,"method":"io.vmmi.Job.GetInfo"}', b'{"method":"io.vmmi.J\\u006fb.GetInfo"}'):
            client.send(text + b"\0")
            same(text, client.reply()["parameters"]["phase"], "running")
        for byte in b'{"method":"io.vmmi.Job.GetInfo"}\0':
            client.send(bytes([byte]))
        same("the phase", client.reply()["parameters"]["phase"], "running")
        client.send(b'{"method":"io.vmmi.Job.GetInfo"}\0' * 50)
        same("the replies", [client.reply()["parameters"]["phase"] for _ in range(50)], ["running"] * 50)


# --- Wait, Abort, Release -------------------------------------------------------------------------------------------


@row("Wait replies when the end is on the disk, with what is there")
def wait(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    with job.client() as first, job.client() as second:
        first.ask("Wait")
        second.ask("Wait", more=True)
        second.reply()
        job.signal(signal.SIGTERM)
        got = first.reply()["parameters"]
        same("result.json", job.record("result.json"), got["result"])
        same("the end", (got["phase"], got["result"]["kind"], got["result"]["value"]), ("finished", "exited", 5))
        same("the other's reply", second.reply()["parameters"], got)
        same("the end of the stream", (first.reply(), second.reply()), (None, None))


@row("Abort is SIGINT, Release is SIGTERM; oneway is not replied to")
def signals(box):
    for method, value in (("Abort", 9), ("Release", 13)):
        job = box.start(OBEYS).prints("ready")
        same("the reply", job.call(method), {"parameters": {}})
        job.ended("exited", value)
    job = box.start(OBEYS).prints("ready")
    with job.client() as client:
        client.ask("GetInfo", oneway=True)
        client.ask("Wait", oneway=True)
        client.ask("Fly", oneway=True)
        client.ask("Abort", oneway=True)
        client.ask("Wait")
        same("the only reply", client.reply()["parameters"]["result"]["value"], 9)


@row("after the end the file is there and nobody listens: ECONNREFUSED")
def gone(box):
    job = box.start("exit 0")
    job.ended("exited", 0)
    same("the type", stat.S_ISSOCK(os.stat(job.file("control")).st_mode), True)
    try:
        job.client()
        raise Wrong("somebody listens")
    except ConnectionRefusedError:
        pass


@row("whoever asks while the plugin ends gets a true answer or the end of the stream")
def race(box):
    for _ in range(200 if SOAK else 15):
        job = box.start("exit 6")
        try:
            reply = job.call("Wait")
        except (ConnectionRefusedError, BrokenPipeError, ConnectionResetError):
            reply = None
        if reply is not None:
            same("the end", reply["parameters"]["result"]["value"], 6)
        job.ended("exited", 6)


# --- clients --------------------------------------------------------------------------------------------------------


@row("the socket: mode 0600, in a directory whose path is longer than an address")
def place(box):
    box.run_dir = os.path.join(box.path, "r" * 120)
    job = box.start(WAITS)
    found = os.stat(job.file("control"))
    same("the mode", (stat.S_ISSOCK(found.st_mode), found.st_mode & 0o777), (True, 0o600))
    same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")


@row("another user is not listened to, even when he can reach the socket")
def stranger(box):
    if os.geteuid() != 0:
        raise Skip("needs root")
    job = box.start(WAITS)
    for path in (job.file("control"), job.path, os.path.dirname(job.path), box.run_dir, box.path):
        os.chmod(path, 0o777)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(job.file("control"))
                try:
                    client.sendall(b'{"method":"io.vmmi.Job.Abort"}\0')
                except BrokenPipeError:
                    pass
                try:
                    os.write(writer, b"heard" if client.recv(1) else b"nothing")
                except ConnectionResetError:
                    os.write(writer, b"nothing")
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    same("what he got", os.read(reader, 100), b"nothing")
    os.close(reader)
    os.close(writer)
    os.chmod(box.run_dir, 0o700)
    same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")


@row("without a socket the plugin is started all the same")
def no_socket(box):
    job = box.start("exit 3", env={"VMMI_TEST_BLOCK": "control"})
    job.ended("exited", 3)
    same("what is in the way", os.path.isdir(job.file("control")), True)


@row("idle clients make place for others; those that wait keep theirs")
def places(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    idle = [job.client() for _ in range(40)]
    same("the 41st is served", job.call("GetInfo")["parameters"]["phase"], "running")
    waiting = [job.client() for _ in range(16)]
    for client in waiting:
        client.ask("Wait")
    same("idle ones are gone", idle[0].reply(), None)
    late = job.client()
    late.ask("GetInfo")
    job.signal(signal.SIGTERM)
    same("the ends", [client.reply()["parameters"]["result"]["value"] for client in waiting], [5] * 16)
    same("the one that had no place", late.reply()["parameters"]["phase"], "finished")
    for client in idle + waiting + [late]:
        client.close()


@row("a client that goes away while it waits gives its place back")
def goes_away(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    for _ in range(100):
        client = job.client()
        client.ask("Wait")
        client.close()
    with job.client() as client:
        client.ask("Wait")
        job.signal(signal.SIGTERM)
        same("the end", client.reply()["parameters"]["result"]["value"], 5)


@row("a client that has said all may still hear the reply, as with socat and nc")
def half_closed(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    with job.client() as client, job.client() as waiter:
        client.ask("GetInfo")
        client.socket.shutdown(socket.SHUT_WR)
        same("the phase", client.reply()["parameters"]["phase"], "running")
        same("then the end", client.reply(), None)
        waiter.ask("Wait")
        waiter.socket.shutdown(socket.SHUT_WR)
        job.signal(signal.SIGTERM)
        same("the end", waiter.reply()["parameters"]["result"]["value"], 5)


def processor_time(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@row("a client that sends calls and reads nothing is cut off; the end is recorded all the same")
def does_not_read(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    with job.client() as client:
        client.socket.settimeout(20)
        call = b'{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"io.vmmi.Job"}}\0'
        try:
            for _ in range(20000):
                client.send(call)
            raise Wrong("it was not cut off")
        except (BrokenPipeError, ConnectionResetError):
            pass
    job.signal(signal.SIGTERM)
    job.ended("exited", 5)


@row("clients of every bad kind at once: the shim sleeps, and writes the end down at once")
def all_at_once(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    half = [job.client() for _ in range(5)]
    for client in half:
        client.send(b'{"method":"io.vmmi.J')
    waiting = [job.client() for _ in range(5)]
    for client in waiting:
        client.ask("Wait", more=True)
        client.socket.shutdown(socket.SHUT_WR)
    shim = job.helper()["shimPid"]
    same("the phase", job.call("GetInfo")["parameters"]["phase"], "running")
    before = processor_time(shim)
    until("a second is over", lambda start=time.monotonic(): time.monotonic() - start > 1)
    if processor_time(shim) - before > 0.2:
        raise Wrong("the shim does not sleep")
    job.signal(signal.SIGTERM)
    job.ended("exited", 5)
    for client in half + waiting:
        client.close()


@row("the flood of one client does not keep the end from being written")
def flood_at_end(box):
    job = box.start(f"trap 'exit 5' TERM; {WAITS}").prints("ready")
    pid = os.fork()
    if pid == 0:
        try:
            with job.client() as client:
                while True:
                    client.send(b'{"method":"io.vmmi.Job.GetInfo"}\0' * 20)
                    for _ in range(20):
                        if client.reply() is None:
                            return
        finally:
            os._exit(0)
    job.signal(signal.SIGTERM)
    job.ended("exited", 5)
    os.waitpid(pid, 0)
    same("nobody is left", alive(job.helper()["shimPid"]), False)


@row("the example in Python of docs/control-socket.md works")
def documented(box):
    manual = os.path.join(os.environ["VMMI_SOURCE_ROOT"], "docs", "control-socket.md")
    with open(manual, encoding="utf-8") as stream:
        code = re.search(r"```python\n(.*?)```", stream.read(), re.S).group(1)
    job = box.start(ANSWERS).prints("ready")
    done = subprocess.run([sys.executable, "-c", code, job.path], stdout=subprocess.PIPE, timeout=60, check=True)
    same("what it prints", json.loads(done.stdout)["status"]["status"], {"percent": 1})


main()
