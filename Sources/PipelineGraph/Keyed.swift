/// Something that is found by its key.
protocol Keyed {
    var key: CompactKey { get }
}

extension CompactKey: Keyed {
    var key: CompactKey { self }
}
