import PackagePlugin

/// Has `Sources/gatehouse-init` compiled by the system's C compiler and handed to `Sandbox` as
/// strings of bytes.
///
/// A plain `swift build` gives one binary that carries the PID 1 of its cages.
@main
struct EmbedInit: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
        let root = context.package.directoryURL
        let script = root.appending(path: "scripts/embed-init")
        let folder = root.appending(path: "Sources/gatehouse-init")
        let names = ["calls.h", "control.h", "network.h", "init.c", "stage.c", "victim.c"]
        let sources = names.map { folder.appending(path: $0) }
        let output = context.pluginWorkDirectoryURL.appending(path: "InitImage.swift")
        return [
            .buildCommand(
                displayName: "Compiling and embedding gatehouse-init",
                executable: script,
                arguments: [
                    folder.path(percentEncoded: false), output.path(percentEncoded: false),
                ],
                inputFiles: [script] + sources,
                outputFiles: [output]
            )
        ]
    }
}
