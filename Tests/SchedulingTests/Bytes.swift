import AnabranchCore

/// Stands for the store's bytes: what each object says, as text that tells how it was made.
final class Bytes {
    private(set) var texts: [ObjectID: String] = [:]
    private var sequences: [WriterID: UInt64] = [:]
    /// Objects that were released; releasing one twice, or reading it, is an error.
    private(set) var released: Set<ObjectID> = []
    private(set) var mistakes: [String] = []
    /// Where a message may have been lost, its releases are said again.
    var forgiveDoubledReleases = false

    func write(_ text: String, by writer: WriterID) -> ObjectRef {
        let sequence = sequences[writer, default: 0] + 1
        sequences[writer] = sequence
        let id = ObjectID(writer: writer, sequence: sequence)
        texts[id] = text
        return ObjectRef(
            id: id, encoding: .pickle5, length: UInt64(text.utf8.count), location: .segment(1, offset: sequence * 64))
    }

    func read(_ reference: ObjectRef) -> String {
        if released.contains(reference.id) { mistakes.append("\(reference.id) was read after its release") }
        return texts[reference.id] ?? ""
    }

    func read(_ data: Data) -> String {
        var parts: [String] = []
        data.forEachReference { parts.append(read($0)) }
        return parts.joined(separator: "|")
    }

    func read(_ input: Input) -> String {
        "[" + input.items.map { $0.map(read).joined(separator: ",") }.joined(separator: ";") + "]"
    }

    func release(_ id: ObjectID) {
        if !released.insert(id).inserted, !forgiveDoubledReleases { mistakes.append("\(id) was released twice") }
        if texts[id] == nil { mistakes.append("\(id) was released and never written") }
    }

    /// Objects that were written and never released.
    var unreleased: [String] {
        texts.filter { !released.contains($0.key) }.map { "\($0.key): \($0.value)" }.sorted()
    }
}
