import AnabranchCore

/// What is known of a relation's keys before the run.
struct KeyShape: Hashable, Sendable {
    enum Labels: Hashable, Sendable {
        case known(Set<Label>)
        /// Only the run will tell.
        case open
    }

    /// Dimensions that a key can have, with the labels that it can have there.
    private(set) var labels: [Dimension: Labels]
    /// Dimensions that every key has.
    private(set) var always: Set<Dimension>

    var dimensions: some Collection<Dimension> { labels.keys }

    init(_ keys: some Sequence<Key>) {
        var seen: [Dimension: Set<Label>] = [:]
        var shared: Set<Dimension>?
        for key in keys {
            for part in key.parts { seen[part.dimension, default: []].insert(part.label) }
            shared = shared?.intersection(key.dimensions) ?? Set(key.dimensions)
        }
        labels = seen.mapValues(Labels.known)
        always = shared ?? []
    }

    /// Keys of either relation.
    func union(_ other: KeyShape) -> KeyShape {
        var made = self
        made.labels.merge(other.labels, uniquingKeysWith: Self.either)
        made.always.formIntersection(other.always)
        return made
    }

    /// Keys merged from one of each relation.
    func joined(_ other: KeyShape) -> KeyShape {
        var made = self
        for (dimension, theirs) in other.labels {
            guard let ours = labels[dimension] else {
                made.labels[dimension] = theirs
                continue
            }
            made.labels[dimension] =
                switch (always.contains(dimension), other.always.contains(dimension)) {
                case (true, true): Self.both(ours, theirs)
                case (true, false): ours
                case (false, true): theirs
                case (false, false): Self.either(ours, theirs)
                }
        }
        made.always.formUnion(other.always)
        return made
    }

    /// The shape of a product of `sources`, which `self` joins: a dimension that several of them have stands in a key once
    /// for each, named after it (`partition@scale`), and under its own name where they agree.
    func product(of sources: [KeyShape], names: [String]) -> KeyShape {
        var made = self
        for dimension in dimensions.sorted() {
            let having = sources.indices.filter { sources[$0].labels[dimension] != nil }
            guard having.count > 1 else { continue }
            made.labels[dimension] = having.compactMap { sources[$0].labels[dimension] }.reduce(.known([]), Self.either)
            made.always.remove(dimension)
            for source in having where names.indices.contains(source) {
                let owner = "\(dimension.owner)@\(names[source])"
                let renamed = Dimension(kind: dimension.kind, owner: owner, positional: dimension.positional)
                made.labels[renamed] = sources[source].labels[dimension]
            }
        }
        return made
    }

    /// A dimension on which no key of one can agree with any key of the other.
    func conflict(with other: KeyShape) -> Dimension? {
        always.intersection(other.always).sorted().first { dimension in
            guard case .known(let ours)? = labels[dimension], case .known(let theirs)? = other.labels[dimension] else {
                return false
            }
            return ours.isDisjoint(with: theirs)
        }
    }

    mutating func add(_ dimension: Dimension, _ added: Labels) {
        labels[dimension] = added
        always.insert(dimension)
    }

    mutating func remove(_ gone: Set<Dimension>) {
        for dimension in gone { labels[dimension] = nil }
        always.subtract(gone)
    }

    private static func either(_ left: Labels, _ right: Labels) -> Labels {
        guard case .known(let left) = left, case .known(let right) = right else { return .open }
        return .known(left == right ? left : left.union(right))
    }

    private static func both(_ left: Labels, _ right: Labels) -> Labels {
        switch (left, right) {
        case (.known(let left), .known(let right)): .known(left == right ? left : left.intersection(right))
        case (.known, .open): left
        case (.open, _): right
        }
    }
}
