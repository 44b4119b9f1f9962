using System.Text;
using Xunit;

namespace Uploads.Tests;

public sealed class ContentTypesTests
{
    [Theory]
    [InlineData("image/jpeg", "FFD8FFE000104A4649460001")]
    [InlineData("image/png", "89504E470D0A1A0A0000000D")]
    [InlineData("image/gif", "474946383961")]
    [InlineData("image/webp", "524946462400000057454250")]
    [InlineData("image/heic", "000000186674797068656963")]
    [InlineData("image/x-adobe-dng", "49492A0008000000")]
    [InlineData("video/mp4", "000000206674797069736F6D")]
    [InlineData("video/quicktime", "00000008776964650000")]
    [InlineData("video/webm", "1A45DFA3")]
    [InlineData("video/x-msvideo", "524946462400000041564920")]
    [InlineData("audio/mpeg", "494433040000")]
    [InlineData("audio/mpeg", "FFFB9064")]
    [InlineData("audio/wav", "524946462400000057415645")]
    [InlineData("application/pdf", "255044462D312E37")]
    [InlineData("text/plain", "")]
    public void A_file_that_begins_like_its_type_agrees(string type, string head) =>
        Assert.True(ContentTypes.Agrees(type, Convert.FromHexString(head)));

    [Theory]
    [InlineData("image/jpeg", "<!DOCTYPE html>")]
    [InlineData("image/jpeg", "\u00FF\u00D8")]
    [InlineData("image/jpeg", "")]
    [InlineData("image/webp", "RIFF    WAVE")]
    [InlineData("image/webp", "RIFF    ")]
    [InlineData("video/mp4", "<html><script>")]
    [InlineData("application/pdf", "PK\u0003\u0004")]
    public void A_file_that_begins_otherwise_does_not(string type, string head) =>
        Assert.False(ContentTypes.Agrees(type, Encoding.Latin1.GetBytes(head)));
}
