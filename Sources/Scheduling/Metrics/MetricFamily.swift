/// One metric with all its samples, as Prometheus has it.
public struct MetricFamily: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case counter, gauge, histogram
    }

    public struct Label: Hashable, Sendable {
        public var name: String
        public var value: String
    }

    public struct Sample: Hashable, Sendable {
        public enum Value: Hashable, Sendable {
            case number(UInt64)
            case histogram(Histogram)
        }

        public var labels: [Label]
        public var value: Value
    }

    public let name: String
    public let help: String
    public let kind: Kind
    public private(set) var samples: [Sample] = []

    public init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    public init(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        self.init(name, kind, help)
        add(value)
    }

    public init(_ name: String, _ help: String, _ histogram: Histogram) {
        self.init(name, .histogram, help)
        samples = [Sample(labels: [], value: .histogram(histogram))]
    }

    public mutating func add(_ value: UInt64, _ labels: (String, String)...) {
        samples.append(Sample(labels: labels.map { Label(name: $0.0, value: $0.1) }, value: .number(value)))
    }
}
