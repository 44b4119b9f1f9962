using System.Text;
using Albums.Zip;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class EntryNamesTests
{
    [Theory]
    [InlineData("IMG_0001.jpg", "IMG_0001.jpg")]
    [InlineData("../../etc/passwd", "etc/passwd")]
    [InlineData("/abs/olute.jpg", "abs/olute.jpg")]
    [InlineData(@"C:\Users\eve\a.jpg", "Users/eve/a.jpg")]
    [InlineData("a//./b.jpg", "a/b.jpg")]
    [InlineData("what?.jpg", "what_.jpg")]
    [InlineData("a<b>c:d\"e|f*g", "a_b_c_d_e_f_g")]
    [InlineData("tab\there\u0000.jpg", "tabhere.jpg")]
    [InlineData("dots...", "dots")]
    [InlineData(" spaces. ", "spaces")]
    [InlineData("CON", "_CON")]
    [InlineData("com1.tar.gz", "_com1.tar.gz")]
    [InlineData("lpt¹.txt", "_lpt¹.txt")]
    [InlineData("Cafe\u0301.jpg", "Café.jpg")]
    [InlineData("evil\u202Egpj.exe", "evilgpj.exe")]
    [InlineData("..", "file")]
    [InlineData("", "file")]
    [InlineData("/", "file")]
    public void A_name_is_made_safe(string wanted, string safe) => Assert.Equal(safe, EntryNames.Sanitize(wanted));

    // An attribute's strings are stored as UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_becomes_a_replacement_character() =>
        Assert.Equal("lone\uFFFDsurrogate", EntryNames.Sanitize("lone\uD800surrogate"));

    [Fact]
    public void Equal_names_are_numbered_before_their_extension() => Assert.Equal(
        ["IMG.jpg", "img (2).JPG", "IMG (3).jpg", "IMG (2) (2).jpg"],
        EntryNames.Unique(["IMG.jpg", "img.JPG", "IMG.jpg", "IMG (2).jpg"]));

    [Fact]
    public void A_file_never_has_the_name_of_a_folder() => Assert.Equal(
        ["a", "A (2)/b", "c/d", "C (2)"],
        EntryNames.Unique(["a", "A/b", "c/d", "C"]));

    [Fact]
    public void Fifty_thousand_equal_names_are_numbered_quickly()
    {
        var names = EntryNames.Unique(Enumerable.Repeat("IMG_0001.jpg", 50_000));
        Assert.Equal(50_000, names.Distinct().Count());
        Assert.Equal("IMG_0001 (50000).jpg", names[^1]);
    }

    [Fact]
    public void Long_names_keep_their_extension_and_stay_unique()
    {
        var names = EntryNames.Unique(Enumerable.Repeat(new string('ü', 300) + ".jpeg", 3));
        Assert.All(names, name => Assert.InRange(Encoding.UTF8.GetByteCount(name), 250, 255));
        Assert.All(names, name => Assert.EndsWith(".jpeg", name, StringComparison.Ordinal));
        Assert.Equal(3, names.Distinct().Count());
    }
}
