import Base
import Gateway
import JSON
import System

/// `approvals watch` with a person at a terminal: each question whole as it comes, and the answer by
/// one key.
///
/// Everything the gateway sends is escaped for terminals there; what is typed is read here alone.
/// Lives on the loop of the command.
actor ApprovalWatch {
    /// A key counts only for what was in front of the person for so long.
    private static let settle: Duration = .milliseconds(500)

    private let loop: EventLoop
    private let invocation: Invocation
    let terminal: Terminal
    let client: ControlClient
    private var credential: Credential?
    var list = WatchList()
    var emergencies = EmergencyList()
    /// The break-glass opened here; its token leaves this process only with an answer.
    var own: OwnGlass?
    private var pages = CardPages([])
    private var shownAt: Instant
    private var events: [Event] = []
    private var wake: Pending<Void>?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    private enum Event {
        case keys([UInt8])
        case waiting(JSONNode, emergencies: [JSONNode])
        case ended(any Error)
        case stop
    }

    /// Kept in memory as long as a session of the console lives without use.
    private struct Credential {
        let object: JSONObject
        var used: Instant
        var isProven = false
    }

    init(_ invocation: Invocation, _ terminal: consuming Terminal, on loop: EventLoop) async throws
    {
        self.loop = loop
        self.invocation = invocation
        self.terminal = terminal
        client = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
        shownAt = loop.now
    }

    func run() async throws -> Int32 {
        // Given by name: asked now, so that each answer is one key.
        if try invocation.value("--approver") != nil {
            credential = Credential(
                object: try ApproverPrompt.credential(invocation),
                used: loop.now
            )
        }
        try Signals.block([.terminate])
        let signals = try SignalWatch([.terminate], on: loop) { [weak self] _ in
            self?.assumeIsolated { $0.push(.stop) }
        }
        try terminal.takeKeys()
        let keys = try ReadWatch(terminal.number, on: loop) { [weak self] in
            self?.assumeIsolated { $0.push(.keys($0.terminal.key())) }
        }
        defer {
            keys.cancel()
            signals.cancel()
            terminal.takeLines()
        }
        follow()
        say("gatehouse: questions appear here as they come; q ends")
        var isFirst = true
        while true {
            switch await next() {
            case .keys(let bytes):
                guard let key = TerminalKey(bytes) else { continue }
                guard try await act(on: key) else { return 0 }
            case .waiting(let waiting, let emergencies):
                note(emergencies)
                if list.take(waiting) || isFirst { await showCurrent() } else { showKeys() }
                isFirst = false
            case .ended(let error): throw error
            case .stop: return 0
            }
        }
    }

    // MARK: What happens

    private func push(_ event: Event) {
        events.append(event)
        wake?.fulfil(())
    }

    private func next() async -> Event {
        while events.isEmpty {
            let pending = Pending<Void>(on: loop)
            wake = pending
            try? await pending.value()
            wake = nil
        }
        return events.removeFirst()
    }

    /// Hears what waits through a connection of its own.
    private func follow() {
        // Ends with the command, or with the gateway.
        loop.spawn {
            do {
                // A prompt may keep the gateway waiting until it gives up: then from the start again.
                var isGood = true
                while isGood {
                    let began = self.loop.now
                    do { try await self.listen() } catch {
                        isGood = self.loop.now.duration(since: began) > .seconds(1)
                        if !isGood { throw error }
                    }
                }
            } catch { await self.push(.ended(error)) }
        }
    }

    private func listen() async throws {
        let stream = try await ControlClient.connect(try invocation.stateFolder(), on: loop)
        _ = try await stream.call("approvals.watch") { event in
            guard let waiting = event["waiting"] else { return }
            let glasses = event["emergencies"]?.elements.map { $0 } ?? []
            self.push(.waiting(waiting, emergencies: glasses))
        }
    }

    // MARK: What is shown

    func say(_ text: String) { try? terminal.write("\r\u{1b}[K\(text)\n") }

    private func showCurrent() async {
        guard let row = list.current else {
            pages = CardPages([])
            return say("nothing waits")
        }
        do {
            let shown = try await client.call("approvals.show", ["ticket": JSONValue(row.ticket)])
            pages = CardPages(shown["card"]?.elements.compactMap(\.string) ?? [])
            say("")
            showPage()
        } catch {
            // It was answered between the list and the look; the next list says so.
            pages = CardPages([])
            say(printable("\(error)", limit: 300))
        }
    }

    private func showPage() {
        let size = terminal.size
        for line in pages.next(rows: size.rows, columns: size.columns) { say(line) }
        terminal.dropInput()
        shownAt = loop.now
        showKeys()
    }

    func showKeys() {
        guard let current = list.current else { return }
        let keys =
            pages.hiddenCount > 0
            ? "\(pages.hiddenCount) more lines: space  n no"
            : "y yes  n no  e edit  g grant" + keyOfEmergency(current)
        let line = "[\(list.position)]  \(keys)  j k other  q end "
        try? terminal.write("\r\u{1b}[K" + printable(line, limit: 200))
    }

    // MARK: Keys

    /// False when the person is done.
    private func act(on key: TerminalKey) async throws -> Bool {
        switch key {
        case .quit, .letter("q"):
            say("")
            return false
        case .down, .letter("j"): if list.step(by: 1) { await showCurrent() }
        case .up, .letter("k"): if list.step(by: -1) { await showCurrent() }
        case .letter(" "), .letter("\n"): if pages.hiddenCount > 0 { showPage() }
        case .letter("n"): await answer(false)
        case .letter("y"), .letter("e"), .letter("g"), .letter("a"): await agree(key)
        case .letter("b"): await breakGlass()
        case .letter("v"): await review()
        case .letter: break
        }
        return true
    }

    /// A yes of some kind: to the whole of it, and to what was there long enough to be read.
    private func agree(_ key: TerminalKey) async {
        guard list.current != nil else { return }
        guard pages.hiddenCount == 0 else {
            say("there is more of it; look at it, and answer then")
            return showPage()
        }
        guard loop.now.duration(since: shownAt) >= Self.settle else {
            say("look first: this came up just now")
            return showKeys()
        }
        switch key {
        case .letter("e"): await edit()
        case .letter("g"): await grant()
        case .letter("a"): await answerAlone()
        default: await answer(true)
        }
    }

    private func answer(_ isYes: Bool) async {
        await decide("approvals.vote") { params in
            params["yes"] = JSONValue(isYes)
            if !isYes, let reason = try self.ask("reason for the agent (may be empty): "),
                !reason.isEmpty
            {
                params["reason"] = JSONValue(reason)
            }
            return true
        }
    }

    private func edit() async {
        await decide("approvals.edit") { params in
            guard let text = try self.ask("other arguments, JSON on one line (empty: leave): "),
                !text.isEmpty
            else { return false }
            do {
                params["arguments"] = try JSONDocument(parsing: Array(text.utf8)).root.value
            } catch {
                throw ControlError(.usage, "the arguments are not JSON: \(error)")
            }
            return true
        }
    }

    private func grant() async {
        await decide("approvals.vote") { params in
            let vary = try self.ask("what may differ, such as /path /text (empty: nothing): ") ?? ""
            let uses = try self.ask("how many more calls (10): ") ?? ""
            let life = try self.ask("how long (15min): ") ?? ""
            params["grant"] = .object(
                try GrantCommands.proposal(
                    vary: vary.split(separator: " ").map(String.init),
                    uses: uses.isEmpty ? nil : uses,
                    life: life.isEmpty ? nil : life
                )
            )
            let preview = try await self.client.call("grants.preview", params)
            self.say("grant      " + printable(preview["sentence"]?.string ?? "", limit: 4000))
            guard try self.ask("yes to that? (y): ") == "y" else { return false }
            params["yes"] = true
            return true
        }
    }

    /// Completes what is sent with `add`, which may ask more and may give up, and sends it.
    func decide(
        _ method: String,
        _ add: (inout JSONObject) async throws -> Bool
    ) async {
        guard let row = list.current else { return }
        var params: JSONObject = [
            "ticket": JSONValue(row.ticket), "revision": JSONValue(row.revision),
        ]
        await attempt {
            guard try await add(&params) else { return showKeys() }
            let result = try await send(method, params)
            // What waits now comes by itself, and its keys with it.
            say("\(row.tool): " + printable(result["answer"]?.string ?? "", limit: 300))
        }
    }

    /// Does something for the person, or says why it could not be done.
    func attempt(_ body: () async throws -> Void) async {
        do { try await body() } catch {
            say("error: " + printable("\(error)", limit: 600))
            if let hint = (error as? ControlError)?.hint {
                say("hint: " + printable(hint, limit: 600))
            }
            showKeys()
        }
    }

    /// Sends a command in the person's name.
    func send(_ method: String, _ params: JSONObject) async throws -> JSONNode {
        let proof = try proof()
        do {
            let result = try await client.call(method, params, credential: proof)
            credential?.isProven = true
            credential?.used = loop.now
            return result
        } catch let error as ControlError {
            note(error)
            throw error
        }
    }

    /// What was given is asked again where it was wrong; whatever else was refused, it was right.
    private func note(_ error: ControlError) {
        switch error {
        case ApproverBook.wrong: credential = nil
        // Nobody looked at it: others may have failed under this name.
        case ApproverBook.locked: if credential?.isProven == false { credential = nil }
        case _ where error.code == .unreachable: break
        default: credential?.isProven = true
        }
    }

    // MARK: What is asked

    /// A line, typed as lines are; keys again after it.
    func ask(_ question: String) throws -> String? {
        try inLines { try terminal.ask(question).map { String(decoding: $0, as: UTF8.self) } }
    }

    private func inLines<Value>(_ body: () throws -> Value) throws -> Value {
        terminal.takeLines()
        defer { try? terminal.takeKeys() }
        try terminal.write("\r\u{1b}[K")
        return try body()
    }

    /// Who sits here; asked where nobody said so yet.
    func personName() throws -> String? {
        guard case .string(let name)? = try proof()["approver"] else { return nil }
        return name.text
    }

    private func proof() throws -> JSONObject {
        if let known = credential, loop.now.duration(since: known.used) < Limits.consoleIdle {
            return known.object
        }
        let object = try inLines { try ApproverPrompt.credential(invocation) }
        credential = Credential(object: object, used: loop.now)
        return object
    }
}
