/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-scope.c: scopes of systemd, with a stand-in that says and does what systemd 252 was recorded
 * to say and do: systemd itself runs on few test machines. Hence "recorded" in every name. The real
 * one is tested by tests/systemd/real.
 *
 * The machine is a directory of a test's own: its /run, /proc and /var, and scripts for the programs.
 */
#include <string.h>
#include <sys/stat.h>

#include "plugin/launch-scope.h"
#include "plugin/launch-survival.h"
#include "support.h"
#include "util/clock.h"

#define SERVICE "/system.slice/manager.service"
#define APP "/user.slice/user-1000.slice/user@1000.service/app.slice/app-7.scope"
#define SESSION "/user.slice/user-1000.slice/session-3.scope"

/* --- the unit of a control group --- */

static const struct {
    const char *name, *text;
    vmmiUnitKind kind;
    const char *unit;
} units[] = {
    { "service", "0::" SERVICE "\n", VMMI_UNIT_SERVICE, "manager.service" },
    { "below-a-service", "0::" SERVICE "/payload/x\n", VMMI_UNIT_SERVICE, "manager.service" },
    { "template", "0::/system.slice/system-m.slice/m@1.service\n", VMMI_UNIT_SERVICE,
      "m@1.service" },
    { "user", "0::" APP "\n", VMMI_UNIT_USER, "app-7.scope" },
    { "users-manager", "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
      VMMI_UNIT_NONE, "init.scope" },
    { "session", "0::" SESSION "\n", VMMI_UNIT_SESSION, "session-3.scope" },
    { "own", "0::/system.slice/vmmi-6d1b.1.scope\n", VMMI_UNIT_OWN, "vmmi-6d1b.1.scope" },
    { "not-own", "0::/system.slice/vmmi-manager.service\n", VMMI_UNIT_SERVICE,
      "vmmi-manager.service" },
    { "init", "0::/init.scope\n", VMMI_UNIT_NONE, "init.scope" },
    { "root", "0::/\n", VMMI_UNIT_NONE, NULL },
    { "slice", "0::/user.slice\n", VMMI_UNIT_NONE, NULL },
    { "escaped", "0::/system.slice/_cpu.service\n", VMMI_UNIT_SERVICE, "cpu.service" },
    { "legacy", "12:cpu,cpuacct:/\n1:name=systemd:" SERVICE "\n0::/\n", VMMI_UNIT_SERVICE,
      "manager.service" },
    { "hybrid", "1:name=systemd:" SERVICE "\n0::" SERVICE "\n", VMMI_UNIT_SERVICE,
      "manager.service" },
    { "other-hierarchy", "4:memory:/docker.service\n0::/\n", VMMI_UNIT_NONE, NULL },
    { "outside", "0::/../../x.service\n", VMMI_UNIT_SERVICE, "x.service" },
    { "empty", "", VMMI_UNIT_NONE, NULL },
    { "garbage", "0:\n::\nname=systemd\n", VMMI_UNIT_NONE, NULL },
};

static void
test_unit(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *name = NULL;

    g_assert_cmpint(vmmiUnitParse(units[row].text, &name), ==, units[row].kind);
    g_assert_cmpstr(name, ==, units[row].unit);
}

/* --- a machine --- */

/* What systemd-run does; the texts are those of systemd 252. */
#define SAYS(text) "echo 'Failed to " text "' >&2; exit 1"
#define SHIFT "while [ \"$1\" != -- ]; do shift; done; shift; "
#define WORKS SHIFT "INVOCATION_ID=0123456789abcdef exec \"$@\""
#define REFUSES SAYS("start transient scope unit: Interactive authentication required.")
#define NO_BUS SAYS("connect to bus: No such file or directory")
#define TAKEN "start transient scope unit: Unit vmmi-a.1.scope was already loaded or has a fragment file."
/* The unit's name ends behind the migration's number, unless something was put behind it. */
#define NAME_TAKEN_ONCE \
    "case \"$*\" in *'.1 --description'*) " SAYS(TAKEN) ";; esac; " WORKS

typedef struct {
    const char *cgroup;        /* NULL: systemd does not run */
    unsigned int uid;
    const char *files;         /* words: what else exists */
    const char *systemd_run;   /* script; NULL: there is none */
    const char *kill_mode;     /* systemctl prints it; NULL: it fails */
    const char *kill_user;     /* loginctl prints it */
    int polkit;                /* pkcheck's status */
} Machine;

#define PRIVATE "/run/systemd/private "
#define BUS "/run/dbus/system_bus_socket "
#define USERS "/run/user/1000/systemd/private "
#define LINGER "/var/lib/systemd/linger/alice "

typedef struct {
    Fixture base;
    GPtrArray *texts;
    vmmiUnitHost host;
} Lab;

static void
put_file(Lab *lab, const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(lab->base.top, "machine", path, NULL);
    g_autofree char *directory = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static const char *
put_script(Lab *lab, const char *name, const char *body)
{
    char *path;

    if (!body)
        return "/nonexistent/program";
    path = write_script(&lab->base, name, body);
    g_ptr_array_add(lab->texts, path);
    return path;
}

static const char *
put_answer(Lab *lab, const char *name, const char *text)
{
    g_autofree char *body = text ? g_strdup_printf("echo '%s'", text) : NULL;

    return put_script(lab, name, body ? body : "exit 1");
}

static void
lab_set_up(Lab *lab, const Machine *machine)
{
    g_autofree char *cgroup = g_strdup_printf("0::%s\n", machine->cgroup ? machine->cgroup : "/");
    g_autofree char *pkcheck = g_strdup_printf("exit %d", machine->polkit);
    g_auto(GStrv) files = g_strsplit(machine->files ? machine->files : "", " ", -1);

    fixture_set_up(&lab->base, NULL);
    lab->texts = g_ptr_array_new_with_free_func(g_free);
    put_file(lab, "proc/self/cgroup", cgroup);
    if (machine->cgroup)
        put_file(lab, "run/systemd/system/x", "");
    for (size_t i = 0; files[i]; i++) {
        if (*files[i])
            put_file(lab, files[i], "");
    }
    g_ptr_array_add(lab->texts, g_build_filename(lab->base.top, "machine", NULL));
    lab->host = (vmmiUnitHost){
        .root = lab->texts->pdata[0],
        .uid = machine->uid,
        .user = "alice",
        .session_bus = "unix:path=/nowhere",
        .systemd_run = put_script(lab, "systemd-run", machine->systemd_run),
        .systemctl = put_answer(lab, "systemctl", machine->kill_mode),
        .loginctl = put_answer(lab, "loginctl", machine->kill_user),
        .pkcheck = put_script(lab, "pkcheck", pkcheck),
        .env = "/usr/bin/env",
    };
}

static void
lab_tear_down(Lab *lab)
{
    g_ptr_array_unref(lab->texts);
    fixture_tear_down(&lab->base, NULL);
}

/* --- what is told in advance --- */

#define YES "KillUserProcesses=yes"
#define NO "KillUserProcesses=no"

static const struct {
    const char *name;
    Machine machine;
    const char *last;
    vmmiSurvival verdict;
    const char *reason;
} verdicts[] = {
    { "no-systemd", { NULL, 0, NULL, NULL, NULL, NULL, 1 }, NULL, VMMI_SURVIVAL_DETACHED,
      "systemd does not run here" },
    { "no-unit", { "/", 0, PRIVATE, WORKS, NULL, NULL, 1 }, NULL, VMMI_SURVIVAL_DETACHED,
      "belongs to no service" },
    { "own-scope", { "/system.slice/vmmi-a.1.scope", 0, PRIVATE, WORKS, NULL, NULL, 1 }, NULL,
      VMMI_SURVIVAL_DETACHED, "a scope of libvmmi already" },
    { "root-service", { SERVICE, 0, PRIVATE, WORKS, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SCOPE, "stopping 'manager.service' leaves it alone" },
    { "root-session", { SESSION, 0, PRIVATE, WORKS, NULL, YES, 1 }, NULL, VMMI_SURVIVAL_SCOPE,
      "a scope of its own" },
    { "no-program", { SERVICE, 0, PRIVATE, NULL, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "/nonexistent/program is missing" },
    { "no-program-process", { SERVICE, 0, PRIVATE, NULL, "process", NULL, 1 }, NULL,
      VMMI_SURVIVAL_DETACHED, "KillMode=process" },
    { "no-program-none", { SERVICE, 0, PRIVATE, NULL, "none", NULL, 1 }, NULL,
      VMMI_SURVIVAL_DETACHED, "KillMode=none" },
    { "no-program-mixed", { SERVICE, 0, PRIVATE, NULL, "mixed", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "KillMode=mixed" },
    { "nobody-says", { SERVICE, 0, PRIVATE, NULL, NULL, NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "KillMode=?" },
    { "out-of-reach", { SERVICE, 0, NULL, WORKS, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "/run/systemd/private cannot be reached" },
    { "refused-before", { SERVICE, 0, PRIVATE, WORKS, "control-group", NULL, 1 },
      "Access denied", VMMI_SURVIVAL_SERVICE_KILLS, "Access denied; set KillMode=process" },
    { "polkit-allows", { SERVICE, 900, BUS, WORKS, "control-group", NULL, 0 }, NULL,
      VMMI_SURVIVAL_SCOPE, "a scope of its own" },
    { "polkit-refuses", { SERVICE, 900, BUS, WORKS, "control-group", NULL, 2 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "loginctl enable-linger alice" },
    { "polkit-shown", { SERVICE, 900, BUS, WORKS, "control-group", NULL, 2 }, "",
      VMMI_SURVIVAL_SCOPE, "a scope of its own" },
    { "service-of-a-lingerer", { SERVICE, 1000, BUS USERS LINGER, WORKS, "control-group", NULL, 2 },
      NULL, VMMI_SURVIVAL_SCOPE, "a scope of its own" },
    { "service-of-one-logged-in", { SERVICE, 1000, BUS USERS, WORKS, "control-group", NULL, 2 },
      NULL, VMMI_SURVIVAL_SERVICE_KILLS, "polkit does not allow it" },
    { "no-manager-of-user", { SERVICE, 900, NULL, WORKS, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "no manager of user alice runs" },
    { "user-unit-linger", { APP, 1000, USERS LINGER, WORKS, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SCOPE, "stopping 'app-7.scope'" },
    { "user-unit", { APP, 1000, USERS, WORKS, "control-group", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "ends with the user's last session" },
    { "user-unit-process", { APP, 1000, USERS, NULL, "process", NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "loginctl enable-linger alice" },
    { "session-linger", { SESSION, 1000, USERS LINGER, WORKS, NULL, YES, 1 }, NULL,
      VMMI_SURVIVAL_SCOPE, "a scope of its own" },
    { "session-left-alone", { SESSION, 1000, USERS, WORKS, NULL, NO, 1 }, NULL,
      VMMI_SURVIVAL_DETACHED, "the records go with the runtime directory" },
    { "session-killed", { SESSION, 1000, USERS, WORKS, NULL, YES, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "loginctl enable-linger alice" },
    { "session-nobody-says", { SESSION, 1000, USERS, WORKS, NULL, NULL, 1 }, NULL,
      VMMI_SURVIVAL_SERVICE_KILLS, "loginctl enable-linger alice" },
    { "session-refused", { SESSION, 1000, USERS LINGER, WORKS, NULL, YES, 1 }, "no",
      VMMI_SURVIVAL_SERVICE_KILLS, "no scope of its own: no" },
    { "session-refused-left-alone", { SESSION, 1000, USERS LINGER, WORKS, NULL, NO, 1 }, "no",
      VMMI_SURVIVAL_DETACHED, "leaves plugins running when the session ends" },
};

static void
test_verdict(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *reason = NULL;
    Lab lab;

    lab_set_up(&lab, &verdicts[row].machine);
    g_assert_cmpint(vmmiSurvivalJudge(&lab.host, verdicts[row].last, &reason), ==,
                    verdicts[row].verdict);
    if (!reason || !strstr(reason, verdicts[row].reason))
        g_assert_cmpstr(reason, ==, verdicts[row].reason);
    lab_tear_down(&lab);
}

/* --- launching --- */

/* What the plugin shows of itself: its arguments but one, and its environment but VMMI_JOB. */
#define SHOW "echo $#; exec env -u VMMI_JOB -u PWD -u OLDPWD"
#define SHOWN "1\nPATH=/usr/bin:/bin\n"
#define SHOWN_RUNTIME "1\nPATH=/usr/bin:/bin\nXDG_RUNTIME_DIR=/else\n"

static const struct {
    const char *name;
    Machine machine;
    const char *runtime;       /* in the plugin's own environment */
    const char *words;         /* that systemd-run has seen; NULL: it was not used */
    bool must_survive;
    unsigned int scope_ms;
    const char *shown;         /* NULL, "" or what the reason contains */
    const char *failure;       /* NULL: the plugin runs */
} launches[] = {
    { "works", { SERVICE, 0, PRIVATE, WORKS, NULL, NULL, 1 }, NULL,
      "--scope --collect --quiet --no-ask-password --unit=vmmi-" UUID
      ".1 --description=Live migration " UUID ".1 -- /usr/bin/env -u INVOCATION_ID ", false, 0, "",
      NULL },
    { "users", { APP, 1000, USERS LINGER, WORKS, NULL, NULL, 1 }, NULL,
      "-u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS ", false, 0, "", NULL },
    { "users-other-runtime", { APP, 1000, USERS LINGER, WORKS, NULL, NULL, 1 },
      "XDG_RUNTIME_DIR=/else", "-u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=/else ", false, 0, "",
      NULL },
    { "polkit", { SERVICE, 900, BUS, WORKS, NULL, NULL, 2 }, NULL, "--no-ask-password --unit",
      false, 0, "", NULL },
    { "no-systemd", { NULL, 0, PRIVATE, WORKS, NULL, NULL, 1 }, NULL, NULL, false, 0, NULL, NULL },
    { "own-scope", { "/vmmi-x.scope", 0, PRIVATE, WORKS, NULL, NULL, 1 }, NULL, NULL, false, 0,
      NULL, NULL },
    { "session-left-alone", { SESSION, 1000, USERS, WORKS, NULL, NO, 1 }, NULL, NULL, false, 0,
      NULL, NULL },
    { "session-killed", { SESSION, 1000, USERS, WORKS, NULL, YES, 1 }, NULL, "--user", false, 0, "",
      NULL },
    { "slow", { SERVICE, 0, PRIVATE, "sleep 0.3; " WORKS, NULL, NULL, 1 }, NULL, "--scope", false,
      0, "", NULL },
    { "name-taken", { SERVICE, 0, PRIVATE, NAME_TAKEN_ONCE, NULL, NULL, 1 }, NULL,
      "--unit=vmmi-" UUID ".1-", false, 0, "", NULL },
    { "names-taken", { SERVICE, 0, PRIVATE, SAYS(TAKEN), NULL, NULL, 1 }, NULL, "--scope", false, 0,
      "was already loaded", NULL },
    { "refused", { SERVICE, 900, BUS, REFUSES, NULL, NULL, 2 }, NULL, "--scope", false, 0,
      "Interactive authentication required.", NULL },
    { "no-bus", { APP, 1000, USERS, NO_BUS, NULL, NULL, 1 }, NULL, "--user", false, 0,
      "connect to bus: No such file", NULL },
    { "silent", { SERVICE, 0, PRIVATE, "exit 1", NULL, NULL, 1 }, NULL, "--scope", false, 0,
      "systemd-run failed", NULL },
    { "killed", { SERVICE, 0, PRIVATE, "kill -9 $$", NULL, NULL, 1 }, NULL, "--scope", false, 0,
      "systemd-run failed", NULL },
    { "succeeds-at-nothing", { SERVICE, 0, PRIVATE, "exit 0", NULL, NULL, 1 }, NULL, "--scope",
      false, 0, "systemd-run failed", NULL },
    { "hangs", { SERVICE, 0, PRIVATE, "exec sleep 1000", NULL, NULL, 1 }, NULL, "--scope", false,
      300, "did not answer within", NULL },
    { "hangs-with-children", { SERVICE, 0, PRIVATE, "sleep 1000; true", NULL, NULL, 1 }, NULL,
      "--scope", false, 300, "did not answer within", NULL },
    { "noise", { SERVICE, 0, PRIVATE, "yes '\033[31mno' | head -c 100000 >&2; exit 1", NULL, NULL, 1 },
      NULL, "--scope", false, 0, " [31mno", NULL },
    { "must-survive", { SERVICE, 0, PRIVATE, WORKS, "control-group", NULL, 1 }, NULL, "--scope",
      true, 0, "", NULL },
    { "must-survive-refused", { SERVICE, 900, BUS, REFUSES, "control-group", NULL, 2 }, NULL,
      "--scope", true, 0, "Interactive", "was not started: stopping 'manager.service' kills" },
    { "must-survive-process", { SERVICE, 900, BUS, REFUSES, "process", NULL, 2 }, NULL, "--scope",
      true, 0, "Interactive", NULL },
};

#define LAUNCH_MS 20000

static int
launch(Lab *lab, size_t row, vmmiJob *job, const char *script, char **shown, vmmiError **err)
{
    g_autofree char *own = g_strdup_printf(VMMI_JOB_ENV "=%s", vmmiJobGetPath(job));
    const char *const arguments[] = { "fake", vmmiJobGetPath(job), NULL };
    const char *const environment[] = { "PATH=/usr/bin:/bin", own, launches[row].runtime, NULL };
    const vmmiLaunchRequest request = {
        .size = sizeof(request),
        .plugin_path = script,
        .arguments = arguments,
        .environment = environment,
        .job_dir = vmmiJobGetPath(job),
        .timeout_ms = LAUNCH_MS,
        .must_survive = launches[row].must_survive,
    };

    lab->host.scope_ms = launches[row].scope_ms;
    return vmmiLaunchScope(&lab->host, &request, shown, err);
}

static void
check_plugin(vmmiJob *job, size_t row)
{
    g_autofree char *output = NULL;
    vmmiJobResult result;

    vmmiJobCommit(job);
    result = wait_for_end(job);
    output = read_output(job);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, 0);
    g_assert_cmpstr(output, ==, launches[row].runtime ? SHOWN_RUNTIME : SHOWN);
}

static void
check_words(const Lab *lab, const char *expected)
{
    g_autofree char *path = g_build_filename(lab->base.top, "seen", NULL);
    g_autofree char *seen = NULL;

    g_file_get_contents(path, &seen, NULL, NULL);
    if (!expected)
        g_assert_null(seen);
    else if (!seen || !strstr(seen, expected))
        g_assert_cmpstr(seen, ==, expected);
}

/* Runs the plugin with and without a scope, and shows that it cannot tell. */
static void
test_launch(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    Machine machine = launches[row].machine;
    Lab lab;
    g_autofree char *shown = NULL, *script = NULL, *body = NULL;
    g_autoptr(vmmiJob) job = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiJobLiveness liveness = { 0 };
    int result;

    body = g_strdup_printf("echo \"$*\" >>\"$(dirname \"$0\")/seen\"; %s", machine.systemd_run);
    machine.systemd_run = body;
    lab_set_up(&lab, &machine);
    script = write_script(&lab.base, "plugin", SHOW);
    job = make_job(&lab.base, UUID);
    result = launch(&lab, row, job, script, &shown, &error);
    check_words(&lab, launches[row].words);
    if (!launches[row].shown)
        g_assert_null(shown);
    else if (!*launches[row].shown || !shown || !strstr(shown, launches[row].shown))
        g_assert_cmpstr(shown, ==, launches[row].shown);
    if (launches[row].failure) {
        g_assert_cmpint(result, ==, -1);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), launches[row].failure));
        g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
        g_assert_false(liveness.shim_alive || liveness.plugin_alive);
        vmmiJobDiscard(job);
    } else {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
        g_assert_cmpint(result, ==, 0);
        check_plugin(job, row);
    }
    lab_tear_down(&lab);
}

/* A plugin that cannot be executed is the plugin's failure, in a scope too. */
static void
test_bad_plugin(void)
{
    const Machine machine = { SERVICE, 0, PRIVATE, WORKS, NULL, NULL, 1 };
    Lab lab;
    g_autofree char *shown = NULL;
    g_autoptr(vmmiJob) job = NULL;
    g_autoptr(vmmiError) error = NULL;

    lab_set_up(&lab, &machine);
    job = make_job(&lab.base, UUID);
    g_assert_cmpint(launch(&lab, 0, job, "/nonexistent/plugin", &shown, &error), ==, -1);
    g_assert_nonnull(strstr(vmmiErrorGetDetails(error), "stage exec, errno 2"));
    vmmiJobDiscard(job);
    lab_tear_down(&lab);
}

/* A shim that began late, when nobody listens any more, leaves no second plugin behind. */
static void
test_late(void)
{
    const Machine machine = { SERVICE, 0, PRIVATE,
                              "trap '' TERM; (sleep 0.5; exec 3>&- 4>&-) & " WORKS, NULL, NULL, 1 };
    Lab lab;
    g_autofree char *shown = NULL, *script = NULL;
    g_autoptr(vmmiJob) job = NULL;
    g_autoptr(vmmiError) error = NULL;

    lab_set_up(&lab, &machine);
    script = write_script(&lab.base, "plugin", SHOW);
    job = make_job(&lab.base, UUID);
    g_assert_cmpint(launch(&lab, 0, job, script, &shown, &error), ==, 0);
    check_plugin(job, 0);
    lab_tear_down(&lab);
}

/* Takes its lock, and needs longer to get ready than the program in front of it may. */
#define SLOW_SHIM \
    "exec /usr/bin/python3 -c '\n" \
    "import fcntl, os, socket, struct, sys, time\n" \
    "if os.fork(): sys.exit()\n" \
    "lock = os.open(\"/proc/self/fd/4/lock\", os.O_RDWR)\n" \
    "fcntl.lockf(lock, fcntl.LOCK_EX, 1, 0)\n" \
    "time.sleep(1)\n" \
    "launcher = socket.socket(fileno=3)\n" \
    "launcher.send(struct.pack(\"=Iiii\", 0, 0, os.getpid(), 0))\n" \
    "launcher.recv(1)\n" \
    "launcher.send(struct.pack(\"=Iiii\", 1, 0, os.getpid(), 0))'"

/* Whether a scope was had: a busy machine may not let the shim begin in time. */
static bool
try_slow_shim(size_t row)
{
    const Machine machine = { SERVICE, 0, PRIVATE, WORKS, NULL, NULL, 1 };
    Lab lab;
    g_autofree char *shown = NULL, *shim = NULL;
    g_autoptr(vmmiJob) job = NULL;
    g_autoptr(vmmiError) error = NULL;

    lab_set_up(&lab, &machine);
    shim = write_script(&lab.base, "shim", SLOW_SHIM);
    job = make_job(&lab.base, UUID);
    g_setenv("VMMI_SHIM_PATH", shim, TRUE);
    g_assert_cmpint(launch(&lab, row, job, "/bin/true", &shown, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    vmmiJobDiscard(job);
    lab_tear_down(&lab);
    return g_strcmp0(shown, "") == 0;
}

/* A shim that has begun is not given up because systemd-run has had its time. */
static void
test_slow_shim(void)
{
    g_autofree char *saved = g_strdup(g_getenv("VMMI_SHIM_PATH"));
    size_t row = 0;
    bool had = false;

    while (!g_str_equal(launches[row].name, "hangs"))   /* the one with little time */
        row++;
    for (int i = 0; i < 5 && !had; i++)
        had = try_slow_shim(row);
    g_setenv("VMMI_SHIM_PATH", saved, TRUE);
    g_assert_true(had);
}

/* A source elsewhere is no affair of this machine's service manager. */
static void
test_remote(void)
{
    g_assert_false(vmmiPluginScopeApplies(NULL, VMMI_LOCALITY_REMOTE));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/scope-recorded/unit/", units, test_unit);
    ADD_ROWS("/scope-recorded/survival/", verdicts, test_verdict);
    ADD_ROWS("/scope-recorded/launch/", launches, test_launch);
    g_test_add_func("/scope-recorded/launch/bad-plugin", test_bad_plugin);
    g_test_add_func("/scope-recorded/launch/descriptors-held-by-another", test_late);
    g_test_add_func("/scope-recorded/launch/slow-shim", test_slow_shim);
    g_test_add_func("/scope-recorded/layer/remote", test_remote);
    return g_test_run();
}
