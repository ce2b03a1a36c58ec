import Base
import Gateway
import JSON
import System

/// `gatehouse servers bundle`: a server's cage as a folder that an OCI runtime runs.
enum BundleCommand {
    static let command = Command(
        "servers bundle",
        "NAME FOLDER",
        "write a server's cage as an OCI bundle for runc, crun and runsc",
        options: [
            Command.Option("--tenant", "NAME", "the tenant of the server (default: main)")
        ],
        run: { invocation, loop in
            let name = try invocation.argument(0, "the server")
            let folder = Paths.join(
                try Process.workingDirectory(),
                try invocation.argument(1, "the folder")
            )
            let client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
            var params = JSONObject()
            params["server"] = JSONValue(name)
            if let tenant = try invocation.value("--tenant") {
                params["tenant"] = JSONValue(tenant)
            }
            let bundle = try await client.call("servers.bundle", params)
            try BundleFolder.write(bundle, to: folder)
            let lacks = bundle["lacks"]?.elements.compactMap(\.string) ?? []
            let text =
                ["wrote \(printable(folder)); it is what the cage would be now, without:"]
                + lacks.map { "  " + $0 }
                + ["run it with: runsc run --bundle \(printable(folder)) NAME"]
            invocation.report(
                text.joined(separator: "\n"),
                [
                    "bundle": JSONValue(folder),
                    "lacks": .array(lacks.map { JSONValue($0) }),
                ]
            )
            return 0
        }
    )
}
