import PackagePlugin

/// Hands `docs/configuration.schema.json` to `Gateway` as a string, so that what `gatehouse check
/// --schema` prints and what the documents link to is one file.
@main
struct EmbedSchema: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
        let root = context.package.directoryURL
        let script = root.appending(path: "scripts/embed-schema")
        let schema = root.appending(path: "docs/configuration.schema.json")
        let output = context.pluginWorkDirectoryURL.appending(path: "ConfigurationSchema.swift")
        return [
            .buildCommand(
                displayName: "Embedding the configuration's schema",
                executable: script,
                arguments: [
                    schema.path(percentEncoded: false), output.path(percentEncoded: false),
                ],
                inputFiles: [script, schema],
                outputFiles: [output]
            )
        ]
    }
}
