package shapes

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Describe writes a value as text that loses nothing: -0, NaN, nanoseconds, nil against empty, the Go type behind an interface.
func Describe(value any) string {
	return describe(reflect.ValueOf(value))
}

func describe(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return "&" + describe(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return v.Elem().Type().String() + "(" + describe(v.Elem()) + ")"
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Struct:
		return describeStruct(v)
	case reflect.Map:
		return describeMap(v)
	case reflect.Slice, reflect.Array:
		return describeList(v)
	default:
		return fmt.Sprint(v.Interface())
	}
}

func describeStruct(v reflect.Value) string {
	var parts []string
	for i := 0; i < v.NumField(); i++ {
		if field := v.Type().Field(i); field.IsExported() {
			parts = append(parts, field.Name+"="+describe(v.Field(i)))
		}
	}
	return strings.Join(parts, " ")
}

func describeMap(v reflect.Value) string {
	if v.IsNil() {
		return "nil"
	}
	var parts []string
	for _, key := range v.MapKeys() {
		parts = append(parts, describe(key)+":"+describe(v.MapIndex(key)))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func describeList(v reflect.Value) string {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return "nil"
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		bytes := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(bytes), v)
		return "0x" + hex.EncodeToString(bytes)
	}
	parts := make([]string, v.Len())
	for i := range parts {
		element := describe(v.Index(i))
		if kind := v.Type().Elem().Kind(); kind == reflect.Struct {
			element = "(" + element + ")"
		}
		parts[i] = element
	}
	return "[" + strings.Join(parts, " ") + "]"
}
