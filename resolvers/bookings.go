package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) RoomBookings(ctx context.Context, communities []string, filter *store.RoomBookingFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.RoomBookingConnection, error) {
	return pageOf(ctx, q.Root, store.RoomBookings, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) RoomDays(ctx context.Context, communities []string, filter *store.RoomDayFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.RoomDayConnection, error) {
	return pageOf(ctx, q.Root, store.RoomDays, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) booking(ctx context.Context, in store.Input) (*store.BookingPayload, error) {
	return write(ctx, m.Root, store.RoomBookings, in, func(b *store.RoomBooking, broken []store.UserError) *store.BookingPayload {
		return &store.BookingPayload{Booking: b, UserErrors: broken}
	})
}

func (m mutation) BookRoom(ctx context.Context, input store.BookRoomInput) (*store.BookingPayload, error) {
	return m.booking(ctx, &input)
}

func (m mutation) ConfirmBooking(ctx context.Context, input store.StepBookingInput) (*store.BookingPayload, error) {
	return m.booking(ctx, input.To("confirm"))
}

func (m mutation) StartBooking(ctx context.Context, input store.StepBookingInput) (*store.BookingPayload, error) {
	return m.booking(ctx, input.To("start"))
}

func (m mutation) CompleteBooking(ctx context.Context, input store.StepBookingInput) (*store.BookingPayload, error) {
	return m.booking(ctx, input.To("complete"))
}

func (m mutation) CancelBooking(ctx context.Context, input store.StepBookingInput) (*store.BookingPayload, error) {
	return m.booking(ctx, input.To("cancel"))
}
