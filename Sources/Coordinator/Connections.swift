import AnabranchCore

/// Control connections: the ROUTER's names for them, and the engine's numbers.
struct Connections {
    private var numbers: [[UInt8]: ClientID] = [:]
    private var names: [ClientID: [UInt8]] = [:]
    private var last: UInt64 = 0

    /// The number of a connection, a new one for a name that is not known.
    mutating func number(of name: [UInt8]) -> ClientID {
        if let known = numbers[name] { return known }
        last += 1
        let number = ClientID(last)
        numbers[name] = number
        names[number] = name
        return number
    }

    func name(of number: ClientID) -> [UInt8]? { names[number] }

    mutating func forget(_ number: ClientID) {
        if let name = names.removeValue(forKey: number) { numbers[name] = nil }
    }
}
