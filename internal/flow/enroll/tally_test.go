package enroll

import (
	"testing"
	"time"
)

func TestOneNameGetsSoManyMailsADayAndAnotherNameItsOwn(t *testing.T) {
	var mails tally
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range MaxMailsADay {
		if !mails.take("alice", now) {
			t.Fatalf("mail %d refused", i+1)
		}
	}
	if mails.take("alice", now.Add(23*time.Hour)) {
		t.Error("one more was sent")
	}
	if !mails.take("bob", now) {
		t.Error("bob's mail was refused")
	}
	if !mails.take("alice", now.Add(24*time.Hour)) {
		t.Error("the next day did not come")
	}
}
