using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Platform.Http;
using Platform.Storage;
using Xunit;

namespace Platform.Tests.Http;

/// <summary>RFC 9110 §13.2.2 and §14.2 for a representation of 100 bytes with the ETag "a".</summary>
public sealed class ConditionalRangeTests
{
    private static readonly EntityTagHeaderValue ETag = new("\"a\"");

    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=0-", 0, 100)]
    [InlineData("bytes=10-19", 10, 10)]
    [InlineData("Bytes=10-19", 10, 10)]
    [InlineData("bytes=99-", 99, 1)]
    [InlineData("bytes=50-1000", 50, 50)] // the end is clamped
    [InlineData("bytes=50-9223372036854775807", 50, 50)]
    [InlineData("bytes=-1", 99, 1)]
    [InlineData("bytes=-100", 0, 100)]
    [InlineData("bytes=-1000", 0, 100)] // longer than the whole: the whole
    public void A_range_within_is_a_part(string range, long offset, long size) =>
        Assert.Equal(new ConditionalRange(206, new ByteRange(offset, size)), Of(("Range", range)));

    [Theory]
    [InlineData("bytes=100-")]
    [InlineData("bytes=100-200")]
    [InlineData("bytes=9223372036854775807-")]
    [InlineData("bytes=-0")]
    public void A_range_outside_is_refused(string range) => Assert.Equal(416, Of(("Range", range)).StatusCode);

    [Theory]
    [InlineData("bytes=2-1")]
    [InlineData("bytes=a-b")]
    [InlineData("bytes=")]
    [InlineData("bytes=-")]
    [InlineData("bytes=0x1-2")]
    [InlineData("bytes=99999999999999999999-")]
    [InlineData("lines=1-2")]
    [InlineData("bytes=1-2,4-5")] // legal, and served as a whole
    [InlineData("1-2")]
    public void A_range_that_is_not_understood_is_ignored(string range) => Assert.Equal(Whole, Of(("Range", range)));

    [Theory]
    [InlineData("If-Range", "\"a\"", 206)]
    [InlineData("If-Range", "\"b\"", 200)]
    [InlineData("If-Range", "W/\"a\"", 200)] // weak never matches
    [InlineData("If-Range", "Sat, 21 Nov 2026 12:00:00 GMT", 200)] // there is no date to match
    [InlineData("If-Range", "nonsense", 200)]
    [InlineData("If-Match", "\"a\"", 206)]
    [InlineData("If-Match", "\"b\", \"a\"", 206)]
    [InlineData("If-Match", "*", 206)]
    [InlineData("If-Match", "\"b\"", 412)]
    [InlineData("If-Match", "W/\"a\"", 412)] // strong comparison
    [InlineData("If-Match", "nonsense", 412)]
    [InlineData("If-None-Match", "\"b\"", 206)]
    [InlineData("If-None-Match", "\"a\"", 304)]
    [InlineData("If-None-Match", "\"b\", W/\"a\"", 304)] // weak comparison
    [InlineData("If-None-Match", "*", 304)]
    [InlineData("If-Modified-Since", "Sat, 21 Nov 2099 12:00:00 GMT", 206)] // ignored where there is no date
    [InlineData("If-Unmodified-Since", "Sat, 21 Nov 1999 12:00:00 GMT", 206)]
    public void Conditions_come_before_the_range(string header, string value, int status) =>
        Assert.Equal(status, Of(("Range", "bytes=1-2"), (header, value)).StatusCode);

    [Fact]
    public void Without_a_range_the_whole_is_sent_and_its_conditions_hold_likewise()
    {
        Assert.Equal(Whole, Of());
        Assert.Equal(Whole, Of(("If-Range", "\"a\"")));
        Assert.Equal(412, Of(("If-Match", "\"b\""), ("If-None-Match", "\"a\"")).StatusCode);
        Assert.Equal(304, Of(("If-Match", "\"a\""), ("If-None-Match", "\"a\"")).StatusCode);
        Assert.Equal(304, Of(("Range", "bytes=100-"), ("If-None-Match", "\"a\"")).StatusCode);
    }

    private static ConditionalRange Whole { get; } = new(200, new ByteRange(0, 100));

    private static ConditionalRange Of(params (string Name, string Value)[] headers)
    {
        var request = new DefaultHttpContext().Request;
        foreach (var (name, value) in headers)
        {
            request.Headers[name] = value;
        }

        return ConditionalRange.Of(request.GetTypedHeaders(), ETag, 100);
    }
}
