import Base
import Crypto
import Testing

@testable import Gateway

/// What makes answers to a server others than any others.
@Suite struct GivenAnswersTests {
    private let hashing: any Hashing = OpenSSLHashing()

    private func digest(_ given: String, to asked: String, state: String? = nil) throws -> Digest {
        try GivenAnswers(responses: Array(given.utf8), to: Array(asked.utf8), state: state)
            .digest(hashing)
    }

    @Test func `the same words to another question are another answer`() throws {
        let yes = #"{"answer":{"action":"accept","content":{"confirm":true}}}"#
        let backup = #"{"answer":{"message":"Keep a backup?"}}"#
        let erase = #"{"answer":{"message":"Erase all backups, too?"}}"#
        #expect(try digest(yes, to: backup) == digest(yes, to: backup))
        #expect(try digest(yes, to: backup) != digest(yes, to: erase))
        #expect(try digest(yes, to: backup) != digest(yes, to: backup, state: ""))
        #expect(try digest(yes, to: backup, state: "a") != digest(yes, to: backup, state: "b"))
        // No part can stand for the end of the one before it.
        #expect(try digest(yes, to: "{}", state: "x") != digest(yes, to: #"{"x":1}"#))
    }

    @Test func `whoever says yes is shown both`() throws {
        let given = try GivenAnswers(
            responses: Array(#"{"answer":{"action":"accept"}}"#.utf8),
            to: Array(#"{"answer":{"message":"Erase?"}}"#.utf8),
            state: nil
        )
        #expect(
            String(decoding: given.shown, as: UTF8.self)
                == #"{"asked":{"answer":{"message":"Erase?"}},"given":{"answer":{"action":"accept"}}}"#
        )
    }
}
