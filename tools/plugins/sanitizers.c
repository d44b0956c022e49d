/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sanitizers.c: what AddressSanitizer is not to blame a plugin for. Part of sanitized builds only: a plugin's environment
 * is an allow-list, so the options of a test run do not reach it.
 */

const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

/* What libcrypto keeps for each thread is not freed when the program ends before the thread; SASL's plugins never free theirs. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:CRYPTO_zalloc\nleak:libcrypto\nleak:libsasl2\nleak:libscram\n"
           "leak:_dlerror_run\n";
}

const char *
__lsan_default_options(void)
{
    return "print_suppressions=0";
}
