import Foundation

/// Committed messages of each kind, from which damaged ones are made.
struct Corpus: Sendable {
    private var messages: [String: [[UInt8]]] = [:]

    /// - Parameter directory: with `<kind>.bin` and `<kind>.<what>.bin`.
    init(directory: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: directory).sorted() where name.hasSuffix(".bin")
        {
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else { continue }
            messages[String(name.prefix { $0 != "." }), default: []].append([UInt8](data))
        }
    }

    /// - Throws: when the directory has none of this kind.
    func messages(_ kind: String) throws -> [[UInt8]] {
        guard let found = messages[kind] else { throw ByteFailure("the corpus has no \(kind)") }
        return found
    }
}
