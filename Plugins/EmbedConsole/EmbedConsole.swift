import Foundation
import PackagePlugin

/// Hands the console's pages in `Sources/gatehouse-console` to `Gateway` as strings of bytes, so that
/// one binary carries them and nothing is read from a disk that others could write to.
@main
struct EmbedConsole: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let root = context.package.directoryURL
        let script = root.appending(path: "scripts/embed-console")
        let folder = root.appending(path: "Sources/gatehouse-console")
        let sources = try FileManager.default.contentsOfDirectory(
            atPath: folder.path(percentEncoded: false)
        )
        .filter { !$0.hasPrefix(".") }.sorted().map { folder.appending(path: $0) }
        let output = context.pluginWorkDirectoryURL.appending(path: "ConsoleFiles.swift")
        return [
            .buildCommand(
                displayName: "Embedding the console's pages",
                executable: script,
                // The script lists the folder itself: what was listed here is kept between builds.
                arguments: [
                    output.path(percentEncoded: false), folder.path(percentEncoded: false),
                ],
                inputFiles: [script] + sources,
                outputFiles: [output]
            )
        ]
    }
}
