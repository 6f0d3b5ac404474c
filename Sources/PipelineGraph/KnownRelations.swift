import DequeModule

/// What the relations of a plan follow from: the sources' keys, the candidates, and how splitters ended so far.
struct KnownRelations: Sendable {
    /// A splitter's firing.
    struct Splitting: Hashable, Sendable {
        let node: Int
        let key: CompactKey
    }

    enum SplitOutcome: Sendable {
        case parts([CompactKey], Set<CompactKey>)
        /// Failed or skipped: one entry under the firing's own key.
        case failed
    }

    var sources: [KeyIndex<CompactKey>]
    var candidates: Candidates
    private(set) var outcomes: [Splitting: SplitOutcome] = [:]
    /// Splitter firings, not yet ended, that the question being asked depends on.
    private(set) var openSplittings: [Splitting] = []
    private var answers: [Question: [PlannedKey]] = [:]
    private var kept: Deque<Question> = []
    private var transient: [Question] = []

    /// The keys of a node that joins or gathers, as far as they agree with another: asked again and again on the way to an
    /// answer.
    struct Question: Hashable, Sendable {
        let node: Int
        /// Of firings, or of what they start from.
        let isOfFirings: Bool
        let constraint: CompactKey
    }

    struct PlannedKey: Hashable, Sendable {
        let key: CompactKey
        /// It stands for a reference that is refused before it fires.
        let isRefused: Bool
    }

    /// Answers of at most this many keys are kept from question to question, and this many of them.
    private static let keptKeys = 64
    private static let keptAnswers = 1024

    init(sources: [KeyIndex<CompactKey>], candidates: Candidates) {
        self.sources = sources
        self.candidates = candidates
    }

    var keptAnswerCount: Int { kept.count }

    /// Keys looked at on the way to answers, ever: what questions have cost.
    private(set) var stepCount = 0

    mutating func countStep() { stepCount += 1 }

    mutating func close(_ splitting: Splitting, _ outcome: SplitOutcome) { outcomes[splitting] = outcome }

    mutating func dependsOn(_ splitting: Splitting) { openSplittings.append(splitting) }

    func answer(to question: Question) -> [PlannedKey]? { answers[question] }

    mutating func remember(_ answer: [PlannedKey], to question: Question) {
        answers[question] = answer
        // With an open splitter anywhere in the question, refusals are left out: the answer may be incomplete.
        let isFinal = openSplittings.isEmpty
        if isFinal && answer.count <= Self.keptKeys { kept.append(question) } else { transient.append(question) }
    }

    /// Takes the splitter firings that made the last answer uncertain, and forgets what is too big to keep.
    mutating func endQuestion() -> [Splitting] {
        for question in transient { answers[question] = nil }
        transient.removeAll(keepingCapacity: true)
        while kept.count > Self.keptAnswers, let oldest = kept.popFirst() { answers[oldest] = nil }
        if openSplittings.isEmpty { return [] }
        var seen: Set<Splitting> = []
        defer { openSplittings.removeAll() }
        return openSplittings.filter { seen.insert($0).inserted }
    }
}
