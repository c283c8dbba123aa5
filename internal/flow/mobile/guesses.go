package mobile

import (
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/quota"
)

// MaxGuesses is how many wrong typed pairing codes one address may send in GuessWindow. A typed code has 40
// bits, so even at this rate from many addresses a live one is not found within its ten minutes. Codes of links
// have 128 and are not limited: people who share an address do not shut each other out.
const (
	MaxGuesses  = 20
	GuessWindow = 10 * time.Minute
)

// ErrGuesses reports an address that sent too many wrong codes.
var ErrGuesses = errs.New(errs.Limited, "rate.limit")

// GuessQuota is the limit of Flow.Guesses.
func GuessQuota() *quota.Quota { return &quota.Quota{Limit: MaxGuesses, Window: GuessWindow} }

// TestQuota is the limit of Flow.Tests: one test alert in ten seconds a phone.
func TestQuota() *quota.Quota { return &quota.Quota{Limit: 1, Window: 10 * time.Second} }
