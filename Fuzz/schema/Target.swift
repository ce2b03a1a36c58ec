import Base

/// The entry libFuzzer calls; `make fuzz` runs it for a minute.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    precondition(SchemaFuzz.holds(input), "two ways to check one value disagree")
    return 0
}
