"""From entry points and configuration files to usable descriptors: what `app` and `__main__` build on.

Nothing is imported here, so that each caller waits only for what it uses.

Profiles (`profiles`)
    `profile_directory(name)` gives a `ProfileDirectory` (name, directory) by name, directory or `BALCHAT_PROFILE`;
    `list_profiles()` the named ones. `.runtime_directory()` and `.plugin_directory(plugin)` are made when asked for.

Configuration (`configuration`)
    `load_configuration(profile.directory, overrides={"delivery.policy": "direct-only"})` gives the frozen
    `Configuration` (`plugins`, `delivery`, `contacts`, `settings`) or raises ConfigurationError. Without a profile,
    `load_configuration(None)`. `examine(…)` takes the same and gives (configuration, all problems) instead.
    `configuration_files(directory)` gives the paths. `profile_settings` has the settings as front ends see and change
    them; `toml_edit` and `configuration_file` write a change into the profile's file.
    `levels.take_overrides(argv)` takes every `--set KEY=VALUE` out of a command line.

Plugins (`plugins`, `roles`, `selection`)
    `discover(configuration.plugins.enabled)` gives a `PluginRecord` for each plugin that is installed or enabled, and
    imports the enabled ones; `record.problem` says what is wrong, `record.views()` gives PluginViews.
    `select(configuration, records)` gives the `Selection`: `storage`, `crypto`, `network`, `transports`,
    `front_ends`, and `settings[descriptor.name]` to hand to each factory; `origins[descriptor.name]` names its
    distribution and version, `broken` has the enabled plugins that the account goes without. Raises PluginError,
    ConfigurationError.
    `load_program(configuration)` is the short way to the front end that the command is: one plugin is imported.
    `programs.load_other_program(configuration, "web")` gives the front end behind `balchat web`, as shortly.

So the command line begins so:

    configuration = load_configuration(profile_directory(name).directory)
    front_end = load_program(configuration)

and an account runs so:

    selection = select(configuration, discover(configuration.plugins.enabled))
    storage = selection.storage.factory(selection.settings[selection.storage.name])
"""
