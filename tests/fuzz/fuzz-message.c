/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-message.c: for libFuzzer: any bytes are a message that can be written and read back, or an
 * error with words. Start it with a copy of tests/corpus/message as its first argument.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/message.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) message = vmmiMessageParseFirst((const char *)data, size, NULL, &error);
    g_autoptr(vmmiMessage) again = NULL;
    g_autofree char *text = NULL;

    if (!message != (error != NULL) || !g_utf8_validate(vmmiErrorGetMessage(error), -1, NULL))
        abort();
    if (!message)
        return 0;
    text = vmmiMessageToJson(message, false, NULL);
    /* A text near the limit of size can grow past it when it is written. */
    if (!text)
        return 0;
    again = vmmiMessageParse(text, strlen(text), NULL);
    if (!again || !json_equal(again->root, message->root))
        abort();
    return 0;
}
