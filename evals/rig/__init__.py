"""What replay, bench and suites stand on: doubles on loopback, the real service beside them, a movable clock."""
