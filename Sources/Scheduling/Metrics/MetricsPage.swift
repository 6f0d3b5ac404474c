/// What a coordinator shows to Prometheus.
public struct MetricsPage: Hashable, Sendable {
    public var families: [MetricFamily]

    public init(_ families: [MetricFamily]) { self.families = families }

    /// What `text` is, for whoever reads it.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text exposition format, version 0.0.4.
    public var text: String {
        var text = ""
        for family in families {
            text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                switch sample.value {
                case .number(let value): text += "\(family.name)\(Self.written(sample.labels)) \(value)\n"
                case .histogram(let histogram): Self.write(histogram, family.name, sample.labels, to: &text)
                }
            }
        }
        return text
    }

    private static func write(
        _ histogram: Histogram, _ name: String, _ labels: [MetricFamily.Label], to text: inout String
    ) {
        var total: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            total += count
            let bound = index < histogram.bounds.count ? seconds(histogram.bounds[index]) : "+Inf"
            text += "\(name)_bucket\(written(labels + [.init(name: "le", value: bound)])) \(total)\n"
        }
        text += "\(name)_sum\(written(labels)) \(seconds(histogram.sumMicroseconds))\n"
        text += "\(name)_count\(written(labels)) \(total)\n"
    }

    private static func written(_ labels: [MetricFamily.Label]) -> String {
        if labels.isEmpty { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    /// Without an exponent: bounds are compared as text.
    private static func seconds(_ microseconds: UInt64) -> String {
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest == 0 { return "\(whole)" }
        let digits = "\(rest)"
        var fraction = String(repeating: "0", count: 6 - digits.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
