package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pair keeps what is one key in JSON: {"int": "5"}, {"f32": "NaN"}, {"str": "a"}, {"bytes": "00ff"}, {"time": ["seconds", "nanoseconds"]}, {"bool": true},
// {"nil": true}, {"array": […]}, {"map": [[key, value], …]} in the order of the wire. Numbers are text, since JSON's have no room for them.
type pair map[string]any

// tagged says what a Go value is on the wire without saying it in msgpack.
func tagged(v reflect.Value) any {
	if !v.IsValid() {
		return pair{"nil": true}
	}
	if at, ok := v.Interface().(time.Time); ok {
		return pair{"time": []string{fmt.Sprint(at.Unix()), fmt.Sprint(at.Nanosecond())}}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return pair{"nil": true}
		}
		return tagged(v.Elem())
	case reflect.Bool:
		return pair{"bool": v.Bool()}
	case reflect.Float32:
		return pair{"f32": floatText(v.Float())}
	case reflect.Float64:
		return pair{"f64": floatText(v.Float())}
	case reflect.String:
		return pair{"str": v.String()}
	case reflect.Struct:
		return taggedStruct(v)
	case reflect.Map, reflect.Slice, reflect.Array:
		return taggedList(v)
	default:
		return pair{"int": fmt.Sprint(v.Interface())}
	}
}

func taggedStruct(v reflect.Value) any {
	entries := [][2]any{}
	asArray := false
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("msgpack"), ",")
		switch {
		case field.Name == "_msgpack":
			asArray = option == "as_array"
		case field.Anonymous:
			entries = append(entries, taggedStruct(v.Field(i)).(pair)["map"].([][2]any)...)
		case name == "-" || option == "omitempty" && v.Field(i).IsZero():
		default:
			if name == "" {
				name = field.Name
			}
			entries = append(entries, [2]any{pair{"str": name}, tagged(v.Field(i))})
		}
	}
	if !asArray {
		return pair{"map": entries}
	}
	values := make([]any, len(entries))
	for i, entry := range entries {
		values[i] = entry[1]
	}
	return pair{"array": values}
}

func taggedList(v reflect.Value) any {
	if v.Kind() != reflect.Array && v.IsNil() {
		return pair{"nil": true}
	}
	if v.Kind() == reflect.Map {
		entries := [][2]any{}
		for _, key := range v.MapKeys() {
			entries = append(entries, [2]any{tagged(key), tagged(v.MapIndex(key))})
		}
		slices.SortFunc(entries, func(a, b [2]any) int { return bytes.Compare(marshal(a), marshal(b)) })
		return pair{"map": entries}
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		data := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(data), v)
		return pair{"bytes": hex.EncodeToString(data)}
	}
	values := make([]any, v.Len())
	for i := range values {
		values[i] = tagged(v.Index(i))
	}
	return pair{"array": values}
}

// floatText is what JavaScript's Number() reads back to the same double.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
}
