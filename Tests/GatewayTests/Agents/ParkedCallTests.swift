import Base
import System
import Testing

@testable import Gateway

@Suite struct ParkedCallTests {
    @Test func `calls of one credential that wait leave room for another's`() throws {
        let loop = try EventLoop()
        let (loud, quiet) = (principal("ana", token: "1").key, principal("bo", token: "2").key)
        var parked: [ParkedCall] = []
        while ParkedCall.hasRoom(among: parked, for: loud) {
            parked.append(
                ParkedCall(
                    principal: loud,
                    endpoint: .all,
                    cancellation: CallCancellation(),
                    loop: loop
                )
            )
        }
        #expect(parked.count == Limits.parkedCallCountPerPrincipal)
        #expect(ParkedCall.hasRoom(among: parked, for: quiet))
    }
}
