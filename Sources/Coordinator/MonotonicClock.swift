import Glibc
import Scheduling

/// The host's clocks, in microseconds.
enum MonotonicClock {
    static var now: Instant { Instant(microseconds: read(CLOCK_MONOTONIC)) }

    /// Time of day since 1970.
    static var unixMicroseconds: UInt64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }
}
