import PackagePlugin

/// Has `Sources/gatehouse-init/init.c` compiled by the system's C compiler and handed to `Sandbox`
/// as a string of bytes, so that a plain `swift build` gives one binary that carries its PID 1.
@main
struct EmbedInit: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
        let root = context.package.directoryURL
        let script = root.appending(path: "scripts/embed-init")
        let source = root.appending(path: "Sources/gatehouse-init/init.c")
        let output = context.pluginWorkDirectoryURL.appending(path: "InitImage.swift")
        return [
            .buildCommand(
                displayName: "Compiling and embedding gatehouse-init",
                executable: script,
                arguments: [source.path(), output.path()],
                inputFiles: [script, source],
                outputFiles: [output]
            )
        ]
    }
}
