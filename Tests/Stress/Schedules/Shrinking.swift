/// Delta debugging: the fewest of `items`, in their order, with which it still fails. Chunks are left out first, then single
/// ones. `fails` must hold for all of them.
func fewest<Item>(_ items: [Item], fails: ([Item]) -> Bool) -> [Item] {
    var kept = items
    var length = max(1, kept.count / 2)
    while !kept.isEmpty {
        var start = 0
        var isSmaller = false
        while start < kept.count {
            var without = kept
            without.removeSubrange(start..<min(start + length, kept.count))
            if fails(without) {
                kept = without
                isSmaller = true
            } else {
                start += length
            }
        }
        if length == 1, !isSmaller { break }
        length = isSmaller ? min(length, max(1, kept.count / 2)) : max(1, length / 2)
    }
    return kept
}
