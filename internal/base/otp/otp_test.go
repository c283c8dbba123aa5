package otp_test

import (
	"testing"
	"time"

	"countersign/internal/base/otp"
)

func TestHOTPGivesTheCodesOfRFC4226AppendixD(t *testing.T) {
	want := []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}
	for counter, code := range want {
		if got := otp.HOTP(otp.SHA1, []byte("12345678901234567890"), uint64(counter), 6); got != code {
			t.Errorf("counter %d: got %s, want %s", counter, got, code)
		}
	}
}

func TestTOTPGivesTheCodesOfRFC6238AppendixB(t *testing.T) {
	const seed = "1234567890123456789012345678901234567890123456789012345678901234"
	seeds := map[otp.Algorithm]string{otp.SHA1: seed[:20], otp.SHA256: seed[:32], otp.SHA512: seed[:64]}
	for _, v := range []struct {
		unix int64
		alg  otp.Algorithm
		code string
	}{
		{59, otp.SHA1, "94287082"}, {59, otp.SHA256, "46119246"}, {59, otp.SHA512, "90693936"},
		{1111111109, otp.SHA1, "07081804"}, {1111111109, otp.SHA256, "68084774"}, {1111111109, otp.SHA512, "25091201"},
		{1111111111, otp.SHA1, "14050471"}, {1111111111, otp.SHA256, "67062674"}, {1111111111, otp.SHA512, "99943326"},
		{1234567890, otp.SHA1, "89005924"}, {1234567890, otp.SHA256, "91819424"}, {1234567890, otp.SHA512, "93441116"},
		{2000000000, otp.SHA1, "69279037"}, {2000000000, otp.SHA256, "90698825"}, {2000000000, otp.SHA512, "38618901"},
		{20000000000, otp.SHA1, "65353130"}, {20000000000, otp.SHA256, "77737706"}, {20000000000, otp.SHA512, "47863826"},
	} {
		if got := otp.TOTP(v.alg, []byte(seeds[v.alg]), time.Unix(v.unix, 0), 30*time.Second, 8); got != v.code {
			t.Errorf("%d %s: got %s, want %s", v.unix, v.alg, got, v.code)
		}
	}
}

func TestASecretIsReadAsPeopleCopyIt(t *testing.T) {
	want, _ := otp.Decode("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	got, err := otp.Decode("gezd gnbv-gy3t qojq gezd gnbv gy3t qojq==")
	if err != nil || string(got) != string(want) || string(got) != "12345678901234567890" {
		t.Fatalf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", "1", "GEZD0NBV"} {
		if _, err := otp.Decode(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
