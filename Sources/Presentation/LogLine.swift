import Foundation
import Logging

/// An event of the log as a JSON object.
struct LogLine {
    let time: Date
    let level: String
    let logger: String
    let message: String
    let metadata: Logger.Metadata

    /// Names that an event's own metadata do not replace.
    private static let reserved: Set<String> = ["time", "level", "logger", "message"]

    var text: String {
        let stamp = time.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
        var fields = [("time", stamp + "Z"), ("level", level), ("logger", logger), ("message", message)]
            .map { "\(Self.quoted($0.0)):\(Self.quoted($0.1))" }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let name = Self.reserved.contains(key) ? key + "_" : key
            fields.append("\(Self.quoted(name)):\(Self.json(value))")
        }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .stringConvertible(let number as any BinaryInteger): "\(number)"
        case .stringConvertible(let number as Double) where number.isFinite: "\(number)"
        case .stringConvertible(let other): quoted("\(other)")
        case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .dictionary(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }.joined(separator: ",")
                + "}"
        }
    }

    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
