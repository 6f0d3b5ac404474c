import ArgumentParser

struct TripCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trip", abstract: "Read behind the end of a buffer, which the address sanitizer must notice.",
        shouldDisplay: false)

    func run() {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
        defer { bytes.deallocate() }
        bytes.initialize(repeating: 0, count: 16)
        print("read \(bytes[Int.random(in: 16...16)])")
    }
}
