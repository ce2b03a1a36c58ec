import JSON
import Testing

@testable import MCP

/// Strict JSON of a test; a mistake in it fails the test.
func json(_ text: String) throws -> JSONNode {
    try JSONDocument(parsing: Array(text.utf8)).root
}

func message(_ text: String) throws -> Message { try Message(try json(text)) }

func request(_ text: String) throws -> Message.Request {
    guard case .request(let request) = try message(text) else { throw NotARequest() }
    return request
}

struct NotARequest: Error {}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
