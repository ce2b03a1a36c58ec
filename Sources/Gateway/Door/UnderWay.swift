/// What is under way, each in a place that goes to another when it ended.
struct UnderWay<Element: Sendable>: Sequence, Sendable {
    private var elements: ContiguousArray<Element?> = []
    private var free: ContiguousArray<Int> = []

    var count: Int { elements.count - free.count }

    /// Takes it up; the place is its own until `end`.
    mutating func begin(_ element: Element) -> Int {
        guard let place = free.popLast() else {
            elements.append(element)
            return elements.count - 1
        }
        elements[place] = element
        return place
    }

    mutating func end(_ place: Int) {
        precondition(elements[place] != nil, "it ended before")
        elements[place] = nil
        free.append(place)
    }

    subscript(place: Int) -> Element? {
        get { elements[place] }
        set { elements[place] = newValue }
    }

    func makeIterator() -> some IteratorProtocol<Element> {
        elements.lazy.compactMap { $0 }.makeIterator()
    }
}
