/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interface.c: what the control socket offers, in Varlink's language of interfaces, written as in a
 * JSON string.
 */
#include "control.h"

#define LINE(text) text "\\n"

const char shimInterfaceJob[] = LINE("# One plugin of libvmmi, by the shim that watches over it.")
    LINE("interface io.vmmi.Job") LINE("") LINE("# What is known at present. Times are in "
                                                "milliseconds: wall clock, and since boot.")
        LINE("# phase: running or finished. stopped: by a signal, now; stoppedSignal: the last "
             "one, 0.") LINE(
            "method GetInfo() -> (id: string, pluginPid: int, shimPid: int, phase: string, "
            "stopped: bool, stoppedSignal: int, startedMs: int, startedBoottimeMs: int)") LINE("")
            LINE("# Asks the plugin for a status, and waits for it: 5000 ms, or 1 to 60000.")
                LINE("method Status(timeoutMs: ?int) -> (status: object)") LINE("") LINE(
                    "# Replies when the plugin has ended: result is the content of result.json. "
                    "With more also")
                    LINE("# at once, and whenever the plugin is stopped or goes on.") LINE(
                        "method Wait() -> (phase: string, stopped: bool, stoppedSignal: int, "
                        "result: ?object)") LINE("")
                        LINE("# Asks the plugin to abort the migration (SIGINT), or to end without "
                             "it "
                             "(SIGTERM).") LINE("method Abort() -> ()")
                            LINE("method Release() -> ()") LINE("") LINE(
                                "# The plugin cannot be asked for a status yet: it would die "
                                "of the question.") LINE("error NotReady ()")
                                LINE("# It has not answered in time.")
                                    LINE("error NoAnswer (timeoutMs: int)") LINE("# It has ended.")
                                        LINE("error Ended ()") LINE(
                                            "# It has ended, and result.json could not be written.")
                                            LINE("error NotRecorded (result: object)")
                                                LINE("# The signal could not be sent.")
                                                    LINE("error NotSent (errno: int)")
                                                        LINE("error RequestTooLong (limit: int)");

const char shimInterfaceService[] = LINE("# Every Varlink service has this interface.")
    LINE("interface org.varlink.service") LINE("")
        LINE("method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
             "interfaces: []string)")
            LINE("method GetInterfaceDescription(interface: string) -> (description: string)")
                LINE("") LINE("error InterfaceNotFound (interface: string)")
                    LINE("error MethodNotFound (method: string)")
                        LINE("error MethodNotImplemented (method: string)")
                            LINE("error InvalidParameter (parameter: string)");
