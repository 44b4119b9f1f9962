using Albums.Zip;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class PartWindowTests
{
    private PartWindow window = null!;
    private long complaints;
    private int inFlight;
    private Task? next;

    [Fact]
    public void It_grows_by_one_after_each_window_that_the_store_took()
    {
        Open(least: 1, most: 6);
        Assert.Equal(4, inFlight);
        Assert.Equal([4, 4, 4, 5, 5, 5, 5, 5, 6], Enumerable.Range(0, 9).Select(_ => Leave()));
        for (var part = 0; part < 50; part++)
        {
            Assert.Equal(6, Leave()); // memory allows no more
        }
    }

    /// <summary>Complaints about parts that were in flight before are about the window that was.</summary>
    [Fact]
    public void It_is_halved_once_for_all_complaints_of_one_window()
    {
        Open(least: 1, most: 8);
        complaints++;
        Assert.Equal(3, Leave()); // two of them are to go
        complaints += 5;
        Assert.Equal(2, Leave());
        Assert.Equal(2, Leave());
        Assert.Equal(2, Leave()); // settled

        complaints++;
        Assert.Equal(1, Leave());
    }

    [Fact]
    public void It_recovers_when_the_store_has_calmed_down()
    {
        Open(least: 1, most: 4);
        for (var complaint = 0; complaint < 20; complaint++)
        {
            complaints++;
            Leave();
        }

        Assert.Equal(1, inFlight);
        for (var part = 0; part < 1 + 2 + 3; part++)
        {
            Leave();
        }

        Assert.Equal(4, inFlight);
    }

    /// <summary>Where CRCs have to be found, two parts may wait for a third.</summary>
    [Fact]
    public void It_keeps_the_parts_that_others_wait_for()
    {
        Open(least: 3, most: 8);
        for (var complaint = 0; complaint < 20; complaint++)
        {
            complaints++;
            Leave();
        }

        Assert.Equal(3, inFlight);
    }

    private void Open(int least, int most)
    {
        window = new PartWindow(() => complaints, least, most);
        Fill();
    }

    // There are always more parts: one waits for its place.
    private int Fill()
    {
        while ((next ??= window.EnterAsync(CancellationToken.None)).IsCompleted)
        {
            next = null;
            inFlight++;
        }

        return inFlight;
    }

    private int Leave()
    {
        inFlight--;
        window.Leave();
        return Fill();
    }
}
