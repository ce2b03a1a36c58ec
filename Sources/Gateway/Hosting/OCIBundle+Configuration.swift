import JSON
import Sandbox

extension OCIBundle {
    /// Everything of it, for `BundleFolder`.
    var value: JSONValue {
        var object = JSONObject()
        object["config"] = configuration
        object["folders"] = .array(
            folders.map { ["path": JSONValue($0.path), "mode": JSONValue($0.mode)] }
        )
        object["files"] = .array(
            files.map { file in
                [
                    "path": JSONValue(file.path),
                    "text": JSONValue(String(decoding: file.bytes, as: UTF8.self)),
                ]
            }
        )
        object["links"] = .array(
            links.map { ["path": JSONValue($0.path), "target": JSONValue($0.target)] }
        )
        object["lacks"] = .array(Self.lacks.map { JSONValue($0) })
        return .object(object)
    }

    /// The bundle's `config.json` (OCI runtime specification 1.0).
    var configuration: JSONValue {
        var process = JSONObject()
        process["terminal"] = JSONValue(false)
        process["user"] = [
            "uid": JSONValue(Int(user?.uid ?? 0)), "gid": JSONValue(Int(user?.gid ?? 0)),
        ]
        process["args"] = .array(arguments.map { JSONValue($0) })
        process["env"] = .array(environment.map { JSONValue($0) })
        process["cwd"] = JSONValue(workingFolder)
        process["capabilities"] = .object(Self.noCapabilities)
        process["rlimits"] = .array(
            bounds.map { bound in
                [
                    "type": JSONValue(bound.name), "hard": JSONValue(Int(clamping: bound.value)),
                    "soft": JSONValue(Int(clamping: bound.value)),
                ]
            }
        )
        process["noNewPrivileges"] = JSONValue(true)
        let root: JSONValue = ["path": "rootfs", "readonly": JSONValue(true)]
        var object = JSONObject()
        object["ociVersion"] = "1.0.2"
        object["process"] = .object(process)
        object["root"] = root
        object["hostname"] = "sandbox"
        object["mounts"] = .array(mounts.map(Self.value))
        object["linux"] = .object(kernel)
        return .object(object)
    }

    private static let noCapabilities = [
        "bounding", "effective", "inheritable", "permitted", "ambient",
    ]
    .reduce(into: JSONObject()) { $0[JSONString($1)] = .array([]) }

    private static func value(of mount: Mount) -> JSONValue {
        [
            "destination": JSONValue(mount.destination), "type": JSONValue(mount.kind),
            "source": JSONValue(mount.source),
            "options": .array(mount.options.map { JSONValue($0) }),
        ]
    }

    private var kernel: JSONObject {
        var kinds = ["pid", "ipc", "uts", "mount", "cgroup"]
        if hasOwnNetwork { kinds.append("network") }
        if user == nil { kinds.append("user") }
        var object = JSONObject()
        object["namespaces"] = .array(kinds.map { ["type": JSONValue($0)] })
        if user == nil {
            // One user is all an ordinary one may map: uid 0 inside, without any capability.
            object["uidMappings"] = Self.mapping(of: owner.uid)
            object["gidMappings"] = Self.mapping(of: owner.gid)
        } else {
            // Control groups are root's to give; without them RLIMIT_DATA is what bounds memory.
            object["resources"] = .object(resources)
        }
        object["maskedPaths"] = .array(maskedPaths.map { JSONValue($0) })
        object["readonlyPaths"] = .array(Self.readOnlyPaths.map { JSONValue($0) })
        object["seccomp"] = .object(filter)
        return object
    }

    private static func mapping(of number: UInt32) -> JSONValue {
        [["containerID": JSONValue(0), "hostID": JSONValue(number), "size": JSONValue(1)]]
    }

    private var resources: JSONObject {
        let memory = JSONValue(Int(clamping: limits.memoryByteCount))
        var object = JSONObject()
        object["devices"] = [["allow": JSONValue(false), "access": "rwm"]]
        object["memory"] = ["limit": memory, "swap": memory]
        object["cpu"] = [
            "quota": JSONValue(Int(clamping: max(1000, limits.processorThousandths * 100))),
            "period": JSONValue(100_000),
        ]
        object["pids"] = ["limit": JSONValue(Int(clamping: limits.processCount))]
        return object
    }

    private var filter: JSONObject {
        var object = JSONObject()
        object["defaultAction"] = "SCMP_ACT_ALLOW"
        object["syscalls"] = .array(
            rules.map { rule in
                var row = JSONObject()
                row["names"] = [JSONValue(rule.call)]
                row["action"] = "SCMP_ACT_ERRNO"
                row["errnoRet"] = JSONValue(Int(rule.answer.rawValue))
                if !rule.arguments.isEmpty {
                    row["args"] = .array(rule.arguments.map(Self.value))
                }
                return .object(row)
            }
        )
        return object
    }

    /// In the words of libseccomp, which the specification took over: for a masked comparison the mask
    /// is the first value.
    private static func value(of argument: SyscallRule.Argument) -> JSONValue {
        func row(_ index: Int, _ word: String, _ value: UInt64, _ second: UInt64 = 0) -> JSONValue {
            var object = JSONObject()
            object["index"] = JSONValue(index)
            object["value"] = JSONValue(Int(clamping: value))
            if word == "SCMP_CMP_MASKED_EQ" {
                object["valueTwo"] = JSONValue(Int(clamping: second))
            }
            object["op"] = JSONValue(word)
            return .object(object)
        }
        return switch argument {
        case .equal(let index, let value): row(index, "SCMP_CMP_EQ", value)
        case .notEqual(let index, let value): row(index, "SCMP_CMP_NE", value)
        case .atLeast(let index, let value): row(index, "SCMP_CMP_GE", value)
        case .masked(let index, let mask, let value): row(index, "SCMP_CMP_MASKED_EQ", mask, value)
        }
    }
}
