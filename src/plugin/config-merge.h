/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-merge.h: the one configuration that a plugin gets, out of all that were given (B9a).
 */
#ifndef VMMI_PLUGIN_CONFIG_MERGE_H
#define VMMI_PLUGIN_CONFIG_MERGE_H

#include <stdbool.h>

#include <jansson.h>

#include <libvmmi/vmmi-message.h>
#include <libvmmi/vmmi-plugin.h>

/*
 * The default configuration file of a plugin (I2): "/etc/vmmi/conf.d/NAME.json". VMMI_CONF_DIR in
 * the environment replaces the directory, unless the process gained privileges. Need not exist.
 * Free with g_free().
 */
char *vmmiConfigDefaultPath(const char *plugin_name);

/*
 * Merges, each over what is before it: the built-in defaults, the plugin's default file,
 * @caller_json, @settings. Objects merge, arrays and scalars replace.
 *
 * @connection_uri: where the manager is connected, NULL: nowhere. Then `connection` has this value
 *   whatever the default file says; a caller who asks for another one is refused, since manager and
 *   plugin would look at different guests.
 * @caller_json: NULL, or the content of a configuration, or a whole configuration message, as JSON
 *   text
 * @settings: NULL, or "KEY=VALUE" strings ending with NULL; a key without a dot is an option of the
 *   policy
 * @ret_message: the configuration, checked, to be sent to the plugin
 * @ret_origins: (optional): a JSON object from the path of each value ("policy.downtimeMs",
 *   "migration.params.bandwidth.postcopy") to where it comes from: "default", "connection", a
 *   file's path, "caller" or "--set"
 * @err: VMMI_ERR_MALFORMED_CONFIGURATION (I3), VMMI_ERR_BAD_PATH for a default file that cannot be
 *   read, VMMI_ERR_PROTOCOL_VERSION, VMMI_ERR_OPTION for an option of the policy that the plugin's
 *   description does not allow
 *
 * A plugin that has not been described, or has no description, takes any option. Returns 0, or -1
 * with the outputs untouched.
 */
int vmmiConfigMerge(const vmmiPlugin *plugin, const char *connection_uri, const char *caller_json,
                    const char *const *settings, vmmiMessage **ret_message, json_t **ret_origins,
                    vmmiError **err);

/*
 * The same for a migration that runs already. @record is the content of the configuration that it
 * has. @whole: the plugin stays the same, and @record is the base instead of defaults and default
 * file. Else of @record are kept `migration`, `connection` and `connectionCredentials`, over the
 * plugin's default file, whose `migration` does not count. The origin of what is kept is "record".
 * @record NULL: like vmmiConfigMerge(). Settings cannot change what cannot be changed in flight:
 * `migration.mode`, `.flags`, `.keepSource`, and of `.params` all but "bandwidth" and
 * "bandwidth.postcopy" (VMMI_ERR_NOT_SUPPORTED); to say again what holds already is fine.
 */
int vmmiConfigMergeRecord(const vmmiPlugin *plugin, const char *connection_uri,
                          const json_t *record, bool whole, const char *caller_json,
                          const char *const *settings, vmmiMessage **ret_message,
                          json_t **ret_origins, vmmiError **err);

/*
 * Checks `policy` of a configuration against the options that a description (B17) names.
 * @description, @policy and @origins may be NULL. Returns 0, or -1 with VMMI_ERR_OPTION naming the
 * option, where it comes from, and the nearest one that there is.
 */
int vmmiConfigCheckOptions(const char *plugin_name, const json_t *description, const json_t *policy,
                           const json_t *origins, vmmiError **err);

/*
 * Moves the options that may stand at the top level of a configuration into its `policy`, of one
 * layer before it is laid on others: so that a later layer's option counts wherever each of them has
 * it. @description may be NULL. Returns 0, or -1 with VMMI_ERR_OPTION for an option in both places.
 */
int vmmiConfigLiftOptions(const json_t *description, json_t *content, vmmiError **err);

#endif
