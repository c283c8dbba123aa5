// Package e164 reads phone numbers as people type them and writes them in the form of ITU-T E.164.
// The tables of countries come from github.com/nyaruka/phonenumbers.
package e164

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"countersign/internal/base/errs"
)

// ErrInvalid reports a text that is not a phone number of the country.
var ErrInvalid = errs.New(errs.Invalid, "number.invalid")

// Country is one entry of the country list beside a field for phone numbers.
type Country struct {
	Code    string // ISO 3166-1 alpha-2, "GB"
	Calling string // "+44"
}

var countries = list()

func list() []Country {
	var all []Country
	for code := range phonenumbers.GetSupportedRegions() {
		if len(code) == 2 {
			all = append(all, Country{code, "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(code))})
		}
	}
	slices.SortFunc(all, func(a, b Country) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// Countries lists every country that has numbers, by code. The caller must not change it.
func Countries() []Country { return countries }

// Parse reads a number as people of a country type it and returns it in E.164: "+442079460018". country is a
// Country.Code, or "" when the number begins with "+". A number with an extension is refused. The error is
// ErrInvalid.
func Parse(country, typed string) (string, error) {
	if len(typed) > 64 || strings.ContainsAny(typed, ";=") {
		return "", ErrInvalid
	}
	n, err := phonenumbers.Parse(typed, strings.ToUpper(country))
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return "", ErrInvalid
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// Clean accepts only a valid number that is in E.164 already, and returns it. The error is ErrInvalid.
func Clean(number string) (string, error) {
	clean, err := Parse("", number)
	if err != nil || clean != number {
		return "", ErrInvalid
	}
	return clean, nil
}

// Pretty formats an E.164 number for reading: "+44 20 7946 0018". A text that is not a number stays as it is.
func Pretty(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return number
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}
