import Base
import Gateway
import TestKit
import Testing

@Suite struct HostingTests {
    private static let two = """
        gatehouse: 1
        hosting: { servers: 3, memory: 2048 }
        tenants:
          acme: { hosting: { servers: 1 }, servers: { a: { command: [x] } } }
          other: { servers: { b: { command: [x] } } }

        """

    @Test func `a tenant inherits what it does not write, for itself`() throws {
        let caps = try configuration(Self.two).hostingByTenant
        let (acme, other) = (try TenantID("acme"), try TenantID("other"))
        #expect(caps[.main]?.serverCount == 3 && caps[.main]?.memoryByteCount == 2048 << 20)
        #expect(caps[acme]?.serverCount == 1 && caps[acme]?.memoryByteCount == 2048 << 20)
        #expect(caps[other] == caps[.main])
        #expect(caps[other]?.processCount == nil)
    }

    @Test(
        "each cap at its value is taken",
        arguments: [
            "servers: 1", "servers: 4096", "processes: 64", "processes: 1048576", "memory: 512",
            "memory: 16777216",
        ]
    )
    func taken(caps: String) throws {
        _ = try configuration(
            "gatehouse: 1\nhosting: { \(caps) }\nservers: { a: { command: [x] } }\n"
        )
    }

    @Test(
        "what cannot be is refused with its place",
        arguments: [
            Refusal("gatehouse: 1\nhosting: { servers: 0 }\n", 2, 21, "from 1 to 4096"),
            Refusal("gatehouse: 1\nhosting: { servers: 4097 }\n", 2, 21, "from 1 to 4096"),
            Refusal("gatehouse: 1\nhosting: { processes: 1 }\n", 2, 23, "from 2 to 1048576"),
            Refusal("gatehouse: 1\nhosting: { memory: 15 }\n", 2, 20, "from 16 to 16777216"),
            Refusal("gatehouse: 1\nhosting: { cpu: 1 }\n", 2, 17, "`cpu`"),
            Refusal("gatehouse: 1\nhosting: 3\n", 2, 10, "must be a mapping"),
            Refusal(
                "gatehouse: 1\nhosting: { memory: 511 }\nservers: { a: { command: [x] } }\n",
                3,
                15,
                "would never start"
            ),
            Refusal(
                "gatehouse: 1\nhosting: { processes: 63 }\nservers: { a: { command: [x] } }\n",
                3,
                15,
                "would never start"
            ),
            Refusal(
                "gatehouse: 1\nhosting: { memory: 512 }\n"
                    + "servers: { a: { command: [x], cage: none } }\n",
                3,
                15,
                "nothing bounds what server `a` uses"
            ),
            Refusal(
                "gatehouse: 1\nhosting: { memory: 512 }\ntenants:\n"
                    + "  t: { servers: { a: { command: [x], cage: { memory: 513 } } } }\n",
                4,
                22,
                "would never start"
            ),
        ]
    )
    func wrong(refusal: Refusal) { refusal.expect { _ = try configuration($0) } }

    @Test func `a server without a cage counts as a server`() throws {
        let text =
            "gatehouse: 1\nhosting: { servers: 1 }\nservers: { a: { command: [x], cage: none } }\n"
        _ = try configuration(text)
    }

    @Test func `higher caps and caps that are gone loosen, lower ones do not`() throws {
        func caps(_ text: String) throws -> Configuration.Hosting {
            try configuration("gatehouse: 1\n\(text)").hosting
        }
        let (none, low) = (try caps(""), try caps("hosting: { servers: 1, memory: 64 }"))
        let high = try caps("hosting: { servers: 2, memory: 64 }")
        #expect(high.loosenings(from: low) == ["hosting.servers"])
        #expect(none.loosenings(from: low) == ["hosting.servers", "hosting.memory"])
        #expect(low.loosenings(from: high) == [] && low.loosenings(from: none) == [])
    }
}
