import Base
import Crypto
import Egress
import HTTP
import JSON
import Sandbox
import System

/// What a program prints, as a secret.
enum SecretProgram {
    private static let deadline: Duration = .seconds(10)

    /// Runs it with an empty environment and no input; it blocks, for ten seconds at most.
    static func value(_ command: [String]) throws(SecretProblem) -> [UInt8] {
        guard let program = command.first else { throw SecretProblem(text: "no command is given") }
        let run: BlockingRun
        do throws(CageError) {
            run = try BlockingRun(program, Array(command.dropFirst()), deadline: deadline)
        } catch { throw SecretProblem(text: "\(error)") }
        guard !run.didTimeOut else {
            throw SecretProblem(text: "`\(printable(program))` took longer than 10 s")
        }
        guard run.exit == .code(0) else {
            // What it printed may be the secret, or hold it.
            throw SecretProblem(text: "`\(printable(program))` ended with \(run.exit)")
        }
        guard run.output.count <= SecretFile.byteCountLimit else {
            throw SecretProblem(text: "`\(printable(program))` printed too much")
        }
        return run.output
    }
}

/// Reads secrets from the KV engine, version 2, of HashiCorp Vault or OpenBao.
struct VaultReader: Sendable {
    let loop: EventLoop
    let ways: EgressParts
    let folder: String
    let environment: @Sendable (String) -> String?

    private static let answerByteCount = 1 << 20

    func value(_ source: Configuration.VaultSource) async throws(SecretProblem) -> [UInt8] {
        var fields = FieldBlock()
        fields.add("x-vault-token", try field(try token(source), "the token"))
        fields.add("x-vault-request", literal: "true")
        if let namespace = source.namespace {
            fields.add("x-vault-namespace", try field(Array(namespace.utf8), "the namespace"))
        }
        let client = try client(source)
        var request = ClientRequest(
            .get,
            "/v1/\(source.mount)/data/\(source.path)",
            fields,
            deadline: loop.now.advanced(by: .seconds(10))
        )
        request.responseByteCount = Self.answerByteCount
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.send(request)
        } catch {
            await client.close()
            throw SecretProblem(text: "`\(source.url)` did not answer: \(error)")
        }
        await client.close()
        guard case .body(let body) = response.content else {
            throw SecretProblem(text: "`\(source.url)` gave no usable answer")
        }
        return try value(in: body, response.status.code, source)
    }

    private func value(
        in body: [UInt8],
        _ status: Int,
        _ source: Configuration.VaultSource
    ) throws(SecretProblem) -> [UInt8] {
        let place = "`\(source.mount)/\(source.path)`"
        switch status {
        case 200: break
        case 403: throw SecretProblem(text: "the vault does not let this token read \(place)")
        case 404: throw SecretProblem(text: "the vault has nothing at \(place), or it was deleted")
        case 503: throw SecretProblem(text: "the vault is sealed")
        default: throw SecretProblem(text: "the vault answered \(status) for \(place)")
        }
        guard let document = try? JSONDocument(parsing: body),
            let data = document.root["data"]?["data"], data.kind == .object
        else { throw SecretProblem(text: "the answer for \(place) is not that of a KV engine 2") }
        guard let value = data.member(source.key)?.utf8 else {
            throw SecretProblem(text: "\(place) has no text under `\(printable(source.key))`")
        }
        return value
    }

    private func token(_ source: Configuration.VaultSource) throws(SecretProblem) -> [UInt8] {
        switch source.token {
        case .environment(let name):
            guard let text = environment(name), !text.isEmpty else {
                throw SecretProblem(text: "the variable `\(name)` with its token is not set")
            }
            return Array(text.utf8)
        case .file(let path):
            let bytes = try SecretFile.read(Paths.join(folder, path))
            return Array(bytes.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed())
        }
    }

    private func field(_ bytes: [UInt8], _ what: String) throws(SecretProblem) -> FieldValue {
        guard !bytes.isEmpty, let value = FieldValue(bytes: bytes) else {
            throw SecretProblem(text: "\(what) for the vault holds what no header may hold")
        }
        return value
    }

    private func client(_ source: Configuration.VaultSource) throws(SecretProblem) -> HTTPClient {
        do {
            let url = try HTTPURL(parsing: source.url)
            let trust: TLSTrust =
                source.certificateAuthority.map { .authorities(file: Paths.join(folder, $0)) }
                ?? .systemRoots
            return HTTPClient(
                to: url.origin,
                on: loop,
                by: try ways.ownRoute(
                    to: url.origin,
                    blocks: source.addresses,
                    for: .main,
                    nil,
                    on: loop
                ),
                tls: url.origin.isSecure ? try TLSContext(client: trust) : nil,
                budget: ways.budget
            )
        } catch let problem as EgressRule.Problem {
            throw SecretProblem(text: problem.text)
        } catch { throw SecretProblem(text: "\(error)") }
    }
}
