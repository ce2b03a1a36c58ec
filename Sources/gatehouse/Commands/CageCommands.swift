import Base
import Gateway
import JSON
import System

/// `gatehouse doctor` and `gatehouse seccomp`: what cages are made of on this machine.
enum CageCommands {
    static let all = [doctor, ProveCommand.command, seccomp]

    private static let doctor = Command(
        "doctor",
        "",
        "try each layer of a cage, and each OCI runtime, on this machine; say what to do about what is missing",
        options: [],
        blocking: { invocation in
            let rows = Doctor.examine()
            let isFit = rows.allSatisfy { $0.isPresent || !$0.isNeeded }
            let width = rows.map(\.name.count).max() ?? 0
            let lines = rows.map { row in
                let word = row.isPresent ? "yes " : row.isNeeded ? "NO  " : "no  "
                let pad = String(repeating: " ", count: width - row.name.count)
                return word + row.name + pad + "  " + printable(row.detail, limit: 600)
            }
            let last =
                isFit
                ? "servers can be caged here"
                : "NO SERVER CAN BE CAGED HERE; what is marked NO is needed by every cage"
            invocation.report(
                (lines + [last]).joined(separator: "\n"),
                [
                    "ok": JSONValue(isFit),
                    "layers": .array(
                        rows.filter { $0.kind == .layer }.map { row in
                            .object([
                                "layer": JSONValue(row.name), "present": JSONValue(row.isPresent),
                                "needed": JSONValue(row.isNeeded), "detail": JSONValue(row.detail),
                            ])
                        }
                    ),
                    "capture": rows.first { $0.kind == .capture }.map { row in
                        .object([
                            "present": JSONValue(row.isPresent), "detail": JSONValue(row.detail),
                        ])
                    } ?? .null,
                    "runtimes": .array(
                        rows.filter { $0.kind == .runtime }.map { row in
                            .object([
                                "runtime": JSONValue(row.name), "works": JSONValue(row.isPresent),
                                "detail": JSONValue(row.detail),
                            ])
                        }
                    ),
                ]
            )
            return isFit ? 0 : 1
        }
    )

    private static let seccomp = Command(
        "seccomp",
        "[standard | strict | host-network]",
        "print a system call filter of cages: each rule with its reason",
        options: [],
        run: { invocation, _ in
            let name = invocation.arguments.first ?? "standard"
            guard let filter = try FilterListing(name) else {
                throw ControlError(
                    .usage,
                    "there is no filter `\(printable(name))`",
                    hint: "use one of: \(FilterListing.names.joined(separator: ", "))"
                )
            }
            invocation.report(
                (filter.lines + ["\(filter.instructionCount) instructions"])
                    .joined(separator: "\n"),
                [
                    "filter": JSONValue(name),
                    "instructions": JSONValue(filter.instructionCount),
                    "rules": .array(
                        filter.rows.map { row in
                            .object([
                                "call": JSONValue(row.call), "answer": JSONValue(row.answer),
                                "reason": JSONValue(row.reason),
                            ])
                        }
                    ),
                ]
            )
            return 0
        }
    )
}
