// swift-tools-version: 6.2
import PackageDescription

let upcoming = [
    "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility",
    "NonisolatedNonsendingByDefault",
]
/// A release build is laid out by how often calls took each branch; `make profile` counts anew.
let counting: [String] =
    Context.environment["GATEHOUSE_PROFILE"] == "count"
    ? ["-ir-profile-generate"]
    : ["-ir-profile-use=\(Context.packageDirectory)/Benchmarks/gateway/calls.profdata"]
let strict: [SwiftSetting] =
    upcoming.map { .enableUpcomingFeature($0) } + [
        .enableExperimentalFeature("Lifetimes"),
        // Every pointer step carries the word `unsafe`, so review can grep for it.
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        // Names that are unique in a file have its name as a prefix in the counts, not its path.
        .unsafeFlags(
            ["-Xllvm", "-static-func-full-module-prefix=false"]
                + counting.flatMap { ["-Xfrontend", $0] },
            .when(configuration: .release)
        ),
    ]
let strictC: [CSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]
let strictCXX: [CXXSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]

/// A module of ours: the strict settings, and a test target of the same name.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    plugins: [Target.PluginUsage] = []
) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict, plugins: plugins)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: dependencies + ["TestKit"],
        swiftSettings: strict
    )
}

/// One C library behind one small opaque header.
func shim(_ name: String, libraries: [String] = [], isCXX: Bool = false) -> Target {
    .target(
        name: name,
        cSettings: strictC,
        cxxSettings: isCXX ? strictCXX : [],
        linkerSettings: libraries.map { .linkedLibrary($0) }
    )
}

let package = Package(
    name: "gatehouse",
    products: [.executable(name: "gatehouse", targets: ["gatehouse"])],
    targets: [
        // C, one library each; one Swift module imports each of them.
        shim("CLinux"),
        shim("COpenSSL", libraries: ["ssl", "crypto"]),
        shim("CSQLite", libraries: ["sqlite3"]),
        shim("CRE2", libraries: ["re2"], isCXX: true),
        shim("CPCRE2", libraries: ["pcre2-8"]),
        shim("CYAML", libraries: ["yaml"]),
        shim("CSeccomp", libraries: ["seccomp"]),
        shim("CTree"),
        shim("CNGHTTP2", libraries: ["nghttp2"]),

        // 0: words every module shares.
        module("Base"),

        // 1: values and rules; no C, no clock, no I/O.
        module("JSON", ["Base"]),
        module("JSONSchema", ["Base", "JSON"]),
        module("MCP", ["Base", "JSON"]),
        module("Policy", ["Base", "JSON"]),
        module("Approval", ["Base", "JSON", "Policy", "Egress"]),
        module("Screening", ["Base", "JSON"]),
        module("Audit", ["Base", "JSON"]),
        module("AuditVerifier", ["Base", "JSON"]),
        module("Egress", ["Base", "JSON"]),

        // 2: the machine.
        module("System", ["Base", "CLinux"]),
        module("Crypto", ["Base", "COpenSSL"]),
        module("Patterns", ["Base", "CRE2", "CPCRE2"]),
        module("Storage", ["Base", "Audit", "CSQLite"]),

        // 2b: protocols and cages on top of the machine.
        module("HTTP", ["Base", "System", "Crypto", "CNGHTTP2"]),
        module("Sandbox", ["Base", "System", "CSeccomp", "CTree"], plugins: ["EmbedInit"]),
        // Compiles PID 1 of the cages and hands it to Sandbox as bytes.
        .plugin(name: "EmbedInit", capability: .buildTool()),

        // 3: the path of a call.
        module(
            "Gateway",
            [
                "Base", "JSON", "JSONSchema", "MCP", "Policy", "Approval", "Screening", "Audit",
                "Egress", "System", "Crypto", "Patterns", "Storage", "HTTP", "Sandbox", "CYAML",
            ],
            plugins: ["EmbedConsole", "EmbedSchema"]
        ),
        // Hands the console's pages to Gateway as bytes.
        .plugin(name: "EmbedConsole", capability: .buildTool()),
        // Hands it the published schema of the configuration.
        .plugin(name: "EmbedSchema", capability: .buildTool()),

        // 4: commands and wiring.
        .executableTarget(
            name: "gatehouse",
            dependencies: [
                "Base", "JSON", "Gateway", "System", "Audit", "AuditVerifier", "Crypto", "Storage",
            ],
            swiftSettings: strict,
            // What calls run lies together, what they do not behind it.
            linkerSettings: [
                .unsafeFlags(
                    ["-Xlinker", "-z", "-Xlinker", "keep-text-section-prefix"],
                    .when(configuration: .release)
                )
            ]
        ),

        // Programs for measuring; no layer of the product.
        .executableTarget(
            name: "loop-bench",
            dependencies: ["Base", "System"],
            path: "Benchmarks/loop",
            swiftSettings: strict
        ),

        // What several test targets need.
        .target(
            name: "TestKit",
            dependencies: ["Base"],
            path: "Tests/TestKit",
            swiftSettings: strict
        ),
        // Files that lose power or run out of room, under SQLite.
        .target(
            name: "CFaultyVFS",
            path: "Tests/CFaultyVFS",
            cSettings: strictC,
            linkerSettings: [.linkedLibrary("sqlite3")]
        ),
        .executableTarget(
            name: "storage-victim",
            dependencies: ["Base", "Audit", "Crypto", "Storage"],
            path: "Tests/StorageVictim",
            swiftSettings: strict
        ),
        // What each parser of outside bytes promises, for unit tests and for libFuzzer.
        .target(
            name: "FuzzBodies",
            dependencies: [
                "Base", "JSON", "JSONSchema", "MCP", "Policy", "Screening", "Audit",
                "AuditVerifier", "System", "Crypto", "Patterns", "Storage", "HTTP", "Gateway",
                "Egress", "TestKit",
            ],
            path: "Tests/FuzzBodies",
            swiftSettings: strict
        ),
        tests("FuzzBodies", ["FuzzBodies"]),
        tests("Base", ["Base"]),
        tests("JSON", ["Base", "JSON"]),
        tests("JSONSchema", ["Base", "JSON", "JSONSchema", "Patterns", "FuzzBodies"]),
        tests("MCP", ["Base", "JSON", "MCP"]),
        tests("Policy", ["Base", "JSON", "Policy", "Patterns", "Crypto"]),
        tests("Approval", ["Base", "JSON", "Policy", "Approval", "Crypto"]),
        tests("Screening", ["Base", "JSON", "Screening", "Patterns", "System"]),
        tests("Audit", ["Base", "JSON", "Audit", "AuditVerifier", "Crypto"]),
        tests("Egress", ["Base", "JSON", "Egress"]),
        tests("System", ["Base", "System"]),
        tests("Crypto", ["Base", "JSON", "Crypto"]),
        tests("Patterns", ["Base", "Patterns"]),
        tests(
            "Storage",
            ["Base", "JSON", "Audit", "AuditVerifier", "Storage", "System", "Crypto", "CFaultyVFS"]
        ),
        tests("HTTP", ["Base", "System", "HTTP", "Crypto"]),
        tests("Sandbox", ["Base", "Policy", "System", "Crypto", "Sandbox"]),
        tests(
            "Gateway",
            [
                "Base", "JSON", "MCP", "Policy", "Screening", "Audit", "Egress", "System", "Crypto",
                "Patterns", "HTTP", "Sandbox", "Gateway",
            ]
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17,
    cxxLanguageStandard: .gnucxx17
)

// Benchmarks and what they compare with are built only when asked for: GATEHOUSE_BENCH=1.
if Context.environment["GATEHOUSE_BENCH"] == "1" {
    package.targets += [
        .target(
            name: "CSimdjson",
            path: "Benchmarks/CSimdjson",
            cxxSettings: strictCXX,
            linkerSettings: [.linkedLibrary("simdjson")]
        ),
        .executableTarget(
            name: "log-bench",
            dependencies: ["Base", "Audit", "Crypto", "Storage"],
            path: "Benchmarks/log",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "search-bench",
            dependencies: ["Base", "Audit", "Crypto", "Storage"],
            path: "Benchmarks/search",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "json-bench",
            dependencies: ["JSON", "CSimdjson"],
            path: "Benchmarks/json",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "schema-bench",
            dependencies: ["Base", "JSON", "JSONSchema"],
            path: "Benchmarks/schema",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "policy-bench",
            dependencies: ["Base", "JSON", "Policy", "Patterns", "Crypto"],
            path: "Benchmarks/policy",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "screening-bench",
            dependencies: ["Base", "JSON", "Screening", "System", "Crypto", "Patterns"],
            path: "Benchmarks/screening",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "http-bench",
            dependencies: ["Base", "System", "Crypto", "HTTP"],
            path: "Benchmarks/http",
            exclude: ["loops.py", "run.py"],
            swiftSettings: strict
        ),
    ]
}

// libFuzzer's program is built only by scripts/fuzz: GATEHOUSE_FUZZ=1 and --sanitize fuzzer.
if Context.environment["GATEHOUSE_FUZZ"] == "1" {
    package.targets.append(
        .executableTarget(
            name: "gatehouse-fuzz",
            dependencies: ["FuzzBodies"],
            path: "Fuzz/target",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]
        )
    )
}
