import Base
import Policy
import Testing

@testable import Gateway

struct LockdownTargetTests {
    @Test(
        "a target reads back as it was written, with the tenant it touches",
        arguments: [
            ("all", nil), ("tenant:acme", "acme"), ("agent:bot", nil), ("agent:acme/bot", "acme"),
            ("server:shop", nil), ("server:main/shop", "main"), ("tool:shop.peek", nil),
            ("tool:acme/shop.peek", "acme"), ("tool:notes.resources/read", nil),
            ("tool:acme/notes.resources/read", "acme"),
        ] as [(String, String?)]
    )
    func reads(text: String, tenant: String?) throws {
        let target = try #require(Lockdown.Target(text))
        #expect(target.text == text)
        #expect(target.tenant?.rawValue == tenant)
    }

    @Test(
        "what names nothing is refused",
        arguments: [
            "", "acme", "server:", "server:/shop", "server:acme/", "server:a/b/c", "tenant:a/b",
            "tool:acme/shop", "agent:ACME/bot", "all:",
        ]
    )
    func refuses(text: String) { #expect(Lockdown.Target(text) == nil) }

    @Test func `the same name in every tenant`() {
        #expect(Lockdown.Target("server:acme/shop")?.everywhere == Lockdown.Target("server:shop"))
        #expect(Lockdown.Target("tool:acme/a.b")?.everywhere == Lockdown.Target("tool:a.b"))
        #expect(Lockdown.Target("agent:acme/bot")?.everywhere == Lockdown.Target("agent:bot"))
        #expect(Lockdown.Target("tenant:acme")?.everywhere == Lockdown.Target("tenant:acme"))
    }
}
