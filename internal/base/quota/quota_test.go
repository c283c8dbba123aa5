package quota_test

import (
	"testing"
	"time"

	"countersign/internal/base/quota"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAKeyHasItsLimitWithinTheWindowAndAnotherKeyItsOwn(t *testing.T) {
	q := quota.Quota{Limit: 3, Window: time.Hour}
	for range 3 {
		if !q.Left("a", noon) || !q.Take("a", noon) {
			t.Fatal("refused too early")
		}
	}
	if q.Left("a", noon.Add(59*time.Minute)) || q.Take("a", noon.Add(59*time.Minute)) {
		t.Error("one too many")
	}
	if !q.Left("b", noon) || !q.Take("b", noon) {
		t.Error("b paid for a")
	}
	if !q.Left("a", noon.Add(time.Hour)) || !q.Take("a", noon.Add(time.Hour)) {
		t.Error("the window did not end")
	}
}

func TestAQuotaOfNothingAllowsNothing(t *testing.T) {
	var q quota.Quota
	if q.Left("a", noon) || q.Take("a", noon) {
		t.Error("allowed")
	}
}
