import CProcess
import Foundation

/// Cores that this process may use: those that it is pinned to, and no more than the cgroup's quota gives.
public enum CoreCount {
    public static var available: Int {
        let affinity = Int(anabranch_affinity_cores())
        let pinned = affinity > 0 ? affinity : ProcessInfo.processInfo.activeProcessorCount
        return max(1, min(pinned, quota(in: "/sys/fs/cgroup") ?? pinned))
    }

    /// The quota in whole cores, rounded up; nil when there is none.
    static func quota(in root: String) -> Int? {
        func text(_ file: String) -> String? { try? String(contentsOfFile: "\(root)/\(file)", encoding: .utf8) }
        if let fields = text("cpu.max")?.split(whereSeparator: \.isWhitespace), fields.count == 2 {
            return cores(Double(fields[0]), Double(fields[1]))
        }
        func number(_ file: String) -> Double? {
            text(file).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        return cores(number("cpu/cpu.cfs_quota_us"), number("cpu/cpu.cfs_period_us"))
    }

    private static func cores(_ quota: Double?, _ period: Double?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, Int((quota / period).rounded(.up)))
    }
}
