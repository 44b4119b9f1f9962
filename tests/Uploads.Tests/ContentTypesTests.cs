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
    [InlineData("image/gif", "474946383761")]
    [InlineData("image/heic", "000000186674797068656963")]
    [InlineData("image/heic", "0000001C667479706D6966310000000068656963")]
    [InlineData("image/heif", "00000014667479706D69663100000000")]
    [InlineData("image/avif", "0000001C667479706176696600000000")]
    [InlineData("image/avif", "0000001C667479706D69663100000000617669666D696631")]
    [InlineData("image/x-canon-cr3", "00000018667479706372782000000001")]
    [InlineData("application/zip", "504B0304")]
    [InlineData("application/zip", "504B0506")]
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
    [InlineData("application/zip", "PK<script>")]
    [InlineData("image/gif", "GIF8<script>")]
    [InlineData("image/heic", "\0\0\0\u0018ftypisom\0\0\0\0mp42isom")]
    [InlineData("image/avif", "\0\0\0\u0018ftypheic\0\0\0\0mif1heic")]
    [InlineData("image/heic", "\0\0\0\u0010ftypisom\0\0\0\0heic")]
    [InlineData("image/heic", "\0\0\0\u0018ftyp")]
    [InlineData("video/mp4", "\0\0\0\u0018ftypheic\0\0\0\0mif1heic")]
    public void A_file_that_begins_otherwise_does_not(string type, string head) =>
        Assert.False(ContentTypes.Agrees(type, Encoding.Latin1.GetBytes(head)));

    public static TheoryData<string> Images() =>
        new("image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "image/heif", "image/avif", "image/tiff", "image/x-adobe-dng");

    [Theory]
    [MemberData(nameof(Images))]
    public void Nothing_that_a_browser_would_run_passes_as_an_image(string type)
    {
        foreach (var text in new[]
        {
            "<html>", "<!DOCTYPE html>", "\u00EF\u00BB\u00BF<html>", "  \n<script>", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "<?xml version=\"1.0\"?><svg/>",
            "<!-- GIF89a --><script>", "alert(1)//", "#!/bin/sh", "MZ\u0090", "%PDF-1.7", "\u007FELF", "PK\u0003\u0004",
        })
        {
            Assert.False(ContentTypes.Agrees(type, Encoding.Latin1.GetBytes(text.PadRight(ContentTypes.SignatureBytes))), $"{text} is no {type}.");
        }
    }
}
