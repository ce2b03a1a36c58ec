import Base
import JSON

/// One record with what a stranger needs to believe it, as `audit prove` writes it.
package struct EvidenceText: Sendable {
    package let bytes: [UInt8]

    package init(
        record: StoredLeaf,
        size: UInt64,
        path: TreeProof,
        checkpoint: String,
        key: CheckpointKey,
        salt: Salt?
    ) {
        var writer = JSONWriter(reservingCapacity: record.bytes.count + 4096)
        writer.beginObject()
        writer.key("checkpoint")
        writer.string(checkpoint)
        writer.key("index")
        writer.number(record.index)
        writer.key("key")
        writer.string(key.text)
        writer.key("path")
        writer.beginArray()
        for hash in path.hashes { writer.string(Base64.encode(hash.bytes)) }
        writer.endArray()
        writer.key("record")
        writer.string(utf8: record.bytes)
        if let salt {
            writer.key("salt")
            writer.string(Hex.encode(salt.bytes))
        }
        writer.key("size")
        writer.number(size)
        writer.endObject()
        bytes = writer.bytes + [0x0a]
    }
}
