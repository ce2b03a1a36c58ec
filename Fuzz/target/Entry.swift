import FuzzBodies
import Glibc

// libFuzzer's `main` calls these two. GATEHOUSE_FUZZ_TARGET names the body, so that one program
// serves all of them.

nonisolated(unsafe) private var target = FuzzTarget.json

@_cdecl("LLVMFuzzerInitialize")
func initialise(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let name = unsafe getenv("GATEHOUSE_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let named = FuzzTarget(rawValue: name) else {
        let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        print("error: no fuzz target `\(name)`")
        print("hint: set GATEHOUSE_FUZZ_TARGET to one of \(known)")
        exit(2)
    }
    unsafe target = named
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
