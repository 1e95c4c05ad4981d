package demo

import (
	"fmt"
	"math"
	"strconv"
)

// form is which properties an event carries.
type form uint8

const (
	plain form = iota
	product
	order
	search
)

// name is an event name with its weight; the weights fall off as words do (Zipf).
type name struct {
	name string
	form form
}

// The first names are given by the course of a visit, the others are drawn.
const (
	appOpened = iota
	signUp
	logIn
	funnelFirst
)

// funnelSteps are taken in this order by a visit that leads to a purchase.
const funnelSteps = 5

var names = [40]name{
	{"app_opened", plain},
	{"signed_up", plain},
	{"logged_in", plain},
	{"product_viewed", product},
	{"product_added", product},
	{"checkout_started", order},
	{"payment_entered", order},
	{"purchase", order},
	{"product_list_viewed", plain},
	{"product_list_scrolled", plain},
	{"search_performed", search},
	{"product_image_swiped", product},
	{"home_refreshed", plain},
	{"category_selected", plain},
	{"filter_applied", search},
	{"product_clicked", product},
	{"wishlist_viewed", plain},
	{"review_read", product},
	{"banner_clicked", plain},
	{"notification_opened", plain},
	{"product_shared", product},
	{"cart_viewed", order},
	{"wishlist_added", product},
	{"search_suggestion_tapped", search},
	{"size_guide_opened", product},
	{"store_located", plain},
	{"cart_item_removed", product},
	{"coupon_entered", order},
	{"profile_viewed", plain},
	{"order_tracked", order},
	{"support_opened", plain},
	{"review_written", product},
	{"settings_changed", plain},
	{"video_played", product},
	{"address_edited", plain},
	{"points_redeemed", order},
	{"return_requested", order},
	{"barcode_scanned", product},
	{"app_rated", plain},
	{"error_shown", plain},
}

var screens = [...]string{"Home", "Category", "Product", "Search", "Cart", "Checkout", "Profile", "Wishlist", "Orders", "Settings"}

type country struct {
	code, locale, zone, carrier, currency string
	weight                                float64
}

var countries = [...]country{
	{"US", "en-US", "America/New_York", "Verizon", "USD", 26},
	{"DE", "de-DE", "Europe/Berlin", "Telekom", "EUR", 14},
	{"GB", "en-GB", "Europe/London", "EE", "GBP", 11},
	{"FR", "fr-FR", "Europe/Paris", "Orange", "EUR", 9},
	{"BR", "pt-BR", "America/Sao_Paulo", "Vivo", "BRL", 8},
	{"IN", "en-IN", "Asia/Kolkata", "Jio", "INR", 7},
	{"JP", "ja-JP", "Asia/Tokyo", "NTT DOCOMO", "JPY", 6},
	{"ES", "es-ES", "Europe/Madrid", "Movistar", "EUR", 4},
	{"IT", "it-IT", "Europe/Rome", "TIM", "EUR", 4},
	{"NL", "nl-NL", "Europe/Amsterdam", "KPN", "EUR", 3},
	{"PL", "pl-PL", "Europe/Warsaw", "Play", "PLN", 2.5},
	{"SE", "sv-SE", "Europe/Stockholm", "Telia", "SEK", 2},
	{"CA", "en-CA", "America/Toronto", "Rogers", "CAD", 2},
	{"AU", "en-AU", "Australia/Sydney", "Telstra", "AUD", 1},
	{"CH", "de-CH", "Europe/Zurich", "Swisscom", "CHF", 0.5},
}

type phone struct {
	manufacturer, model, os, osVersion string
	width, height                      int
	density                            float64
	weight                             float64
}

var phones = [...]phone{
	{"Apple", "iPhone15,2", "iOS", "18.1", 1179, 2556, 3, 12},
	{"Apple", "iPhone16,1", "iOS", "18.2", 1179, 2556, 3, 11},
	{"Apple", "iPhone14,5", "iOS", "17.6", 1170, 2532, 3, 10},
	{"Apple", "iPhone13,2", "iOS", "17.5", 1170, 2532, 3, 8},
	{"Apple", "iPhone12,8", "iOS", "16.7", 750, 1334, 2, 5},
	{"Apple", "iPad13,1", "iPadOS", "17.6", 1640, 2360, 2, 3},
	{"Samsung", "SM-S918B", "Android", "14", 1440, 3088, 3.5, 9},
	{"Samsung", "SM-A546B", "Android", "14", 1080, 2340, 2.8, 8},
	{"Samsung", "SM-A136U", "Android", "13", 720, 1600, 2, 6},
	{"Google", "Pixel 8", "Android", "15", 1080, 2400, 2.6, 7},
	{"Google", "Pixel 6a", "Android", "14", 1080, 2400, 2.6, 5},
	{"Xiaomi", "23021RAAEG", "Android", "13", 1080, 2400, 2.7, 5},
	{"Xiaomi", "M2101K6G", "Android", "12", 1080, 2400, 2.7, 4},
	{"OnePlus", "CPH2449", "Android", "14", 1440, 3216, 3.5, 3},
	{"Motorola", "moto g54", "Android", "13", 1080, 2400, 2.5, 2},
	{"OPPO", "CPH2473", "Android", "13", 720, 1612, 2, 2},
}

var versions = [...]string{"5.7.2", "5.8.0", "5.8.1", "5.9.0", "6.0.0", "6.0.1", "6.1.0", "6.2.0"}

const (
	products  = 400
	amounts   = 1024
	durations = 1024
)

var categories = [...]string{"shoes", "shirts", "trousers", "jackets", "bags", "watches", "sport", "home", "beauty", "toys"}

// Everything below is made once from the tables above and never changed.
var (
	countryTable = newTable(weightsOf(countries[:], func(c country) float64 { return c.weight }))
	phoneTable   = newTable(weightsOf(phones[:], func(p phone) float64 { return p.weight }))
	funnelTable  = newTable([]float64{36, 26, 14, 8, 4, 12})
	nameTable    = newTable(zipf(len(names) - funnelFirst - funnelSteps))

	phoneText    = texts(phones[:], renderPhone)
	countryText  = texts(countries[:], renderCountry)
	versionText  = texts(versions[:], renderVersion)
	productText  = texts(make([]struct{}, products), renderProduct)
	amountText   = texts(make([]struct{}, amounts), renderAmount)
	durationText = texts(make([]struct{}, durations), renderDuration)
)

func weightsOf[T any](list []T, weight func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = weight(v)
	}
	return out
}

func zipf(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1 / math.Pow(float64(i+1), 1.05)
	}
	return out
}

func texts[T any](list []T, render func(int, T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = render(i, v)
	}
	return out
}

func renderPhone(_ int, p phone) string {
	kind, library := "android", `"analytics-kotlin","version":"1.19.1"`
	if p.manufacturer == "Apple" {
		kind, library = "ios", `"analytics-swift","version":"1.7.3"`
	}
	return fmt.Sprintf(`","manufacturer":"%s","model":"%s","type":"%s"},"os":{"name":"%s","version":"%s"},"screen":{"width":%d,"height":%d,"density":%g},"library":{"name":%s},`,
		p.manufacturer, p.model, kind, p.os, p.osVersion, p.width, p.height, p.density, library)
}

func renderCountry(_ int, c country) string {
	return fmt.Sprintf(`"locale":"%s","timezone":"%s","network":{"bluetooth":false,"carrier":"%s","cellular":`, c.locale, c.zone, c.carrier)
}

func renderVersion(i int, v string) string {
	return fmt.Sprintf(`"context":{"app":{"name":"Plaza","version":"%s","build":"%d","namespace":"com.example.plaza"},"device":{"id":"`, v, 5720+i*31)
}

func renderProduct(i int, _ struct{}) string {
	price := 5 + math.Round(math.Exp(3.4+1.1*quantile(float64(i%97)/97+0.005))*10)/10
	return fmt.Sprintf(`"product_id":"SKU-%04d","category":"%s","price":%.2f,"position":%d`, i, categories[i%len(categories)], price, i%24+1)
}

func renderAmount(i int, _ struct{}) string {
	return fmt.Sprintf("%.2f", 3+math.Exp(3.8+0.9*quantile((float64(i)+0.5)/amounts)))
}

func renderDuration(i int, _ struct{}) string {
	return strconv.Itoa(20 + int(math.Exp(6.6+1.2*quantile((float64(i)+0.5)/durations))))
}

// quantile approximates that of the normal distribution, well enough for a shop.
func quantile(p float64) float64 { return (math.Pow(p, 0.135) - math.Pow(1-p, 0.135)) / 0.1975 }
